/* SPDX-License-Identifier: MIT
 * Os_memory.h on Linux. */
#define _GNU_SOURCE
#include "system/os_memory.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "system/os.h"
#include "system/syscall.h"

/* ---- The break ---- */

/* glibc's note of the break. Other libcs have none. */
extern void *__curbrk __attribute__((weak));

#pragma weak _DYNAMIC
#pragma weak _r_debug

enum known { NOT_KNOWN, KNOWN_FALSE, KNOWN_TRUE };

/* enum known; whoever finds it out stores the same (relaxed_load, relaxed_store). */
static uint8_t break_is_shared;

/* True in what the loader loaded with the program, or for it later, and in static programs. */
static bool is_in_first_namespace(void)
{
    if (_DYNAMIC == NULL || &_r_debug == NULL || _r_debug.r_map == NULL) {
        return true;
    }
    for (const struct link_map *object = _r_debug.r_map; object != NULL; object = object->l_next) {
        if (object->l_ld == _DYNAMIC) {
            return true;
        }
    }
    return false;
}

/* True when a break that we move is one that libc knows of. */
static bool has_break(void)
{
    if (unlikely(relaxed_load(break_is_shared) == NOT_KNOWN)) {
        bool shared = &__curbrk != NULL && is_in_first_namespace();
        relaxed_store(break_is_shared, shared ? KNOWN_TRUE : KNOWN_FALSE);
    }
    return relaxed_load(break_is_shared) == KNOWN_TRUE;
}

/* Returns where the break is then: the old one where the kernel refuses; an errno value or 0 where
 * a filter does, as to which libc's note stays. */
static uintptr_t ask_for_break(uintptr_t wanted)
{
    long got = os_call1(SYS_brk, (long)wanted);
    if (got != 0 && !os_call_failed(got)) {
        __curbrk = (void *)got;
    }
    return (uintptr_t)got;
}

void *brkm__os_sbrk(intptr_t increment)
{
    if (!has_break()) {
        return OS_SBRK_FAILED;
    }
    if (__curbrk == NULL) {
        ask_for_break(0);
    }
    uintptr_t before = (uintptr_t)__curbrk;
    uintptr_t wanted = before + (uintptr_t)increment;
    bool overflow = increment > 0 ? wanted < before : wanted > before;
    if (before == 0 || overflow || (increment != 0 && ask_for_break(wanted) != wanted)) {
        return OS_SBRK_FAILED;
    }
    return (void *)before;
}

/* ---- Mappings ---- */

static void *call_mmap(void *start, size_t size, int protection, int flags)
{
#ifdef BRKM_THREAD_SANITIZER
    /* Which has to see mappings come and go. */
    int saved = errno;
    void *mapped = mmap(start, size, protection, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved;
    return mapped == MAP_FAILED ? NULL : mapped;
#else
    long result = os_call(SYS_mmap, (long)start, (long)size, protection,
                          flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return os_call_failed(result) ? NULL : (void *)result;
#endif
}

static long call_munmap(void *start, size_t size)
{
#ifdef BRKM_THREAD_SANITIZER
    int saved = errno;
    long result = munmap(start, size);
    errno = saved;
    return result;
#else
    return os_call2(SYS_munmap, (long)start, (long)size);
#endif
}

void *brkm__os_map(size_t size)
{
    return call_mmap(NULL, size, PROT_READ | PROT_WRITE, 0);
}

/* Since Linux 4.17; older kernels take it for a hint and may map elsewhere. */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

bool brkm__os_map_at(void *start, size_t size)
{
    void *mapped = call_mmap(start, size, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
    if (mapped != NULL && mapped != start) {
        call_munmap(mapped, size);
    }
    return mapped == start;
}

bool brkm__os_unmap(void *start, size_t size)
{
    return call_munmap(start, size) == 0;
}

void *brkm__os_map_between_guards(size_t size)
{
    size_t page = brkm__os_page_size();
    char *start = call_mmap(NULL, size, PROT_NONE, 0);
    if (start != NULL &&
        call_mmap(start + page, size - 2 * page, PROT_READ | PROT_WRITE, MAP_FIXED) == NULL) {
        call_munmap(start, size);
        /* Without room for more mappings, or for inaccessible ones: memory is as good without. */
        return brkm__os_map(size);
    }
    return start;
}

/* Since Linux 4.14. */
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

static bool advise(void *start, size_t size, int advice)
{
    return os_call3(SYS_madvise, (long)start, (long)size, advice) == 0;
}

void *brkm__os_map_wiped_on_fork(void)
{
    size_t size = brkm__os_page_size();
    void *start = brkm__os_map(size);
    if (start != NULL && !advise(start, size, MADV_WIPEONFORK)) {
        call_munmap(start, size);
        start = NULL;
    }
    return start;
}

void *brkm__os_remap(void *start, size_t old_size, size_t new_size)
{
    long result = os_call4(SYS_mremap, (long)start, (long)old_size, (long)new_size, MREMAP_MAYMOVE);
    return os_call_failed(result) ? NULL : (void *)result;
}

static bool protect(void *start, size_t size, int protection)
{
    return os_call3(SYS_mprotect, (long)start, (long)size, protection) == 0;
}

bool brkm__os_protect(void *start, size_t size)
{
    return protect(start, size, PROT_NONE);
}

bool brkm__os_unprotect(void *start, size_t size)
{
    return protect(start, size, PROT_READ | PROT_WRITE);
}

/* ---- Pages that go back ---- */

/* Times that the child of a fork maps over pages before it calls madvise: each time may leave two
 * mappings more, of the 65530 that the kernel allows. */
#define CHILD_MAPS_MAX 4096

/* Written by whoever has the heap's lock, by the constructor, and in the child of a fork; read
 * relaxed: a thread that sees it late makes the other call once more. */
static struct {
    bool advises;       /* madvise in any case: */
    bool is_child;      /* memory mapped here does not join that of the parent */
    unsigned maps_left; /* of a child's CHILD_MAPS_MAX */
} discards;

/* Where the kernel gives no more memory than there is ("2"), what is mapped over may be refused
 * after what was there is gone. */
static bool commits_strictly(void)
{
    char mode = '0';
    return brkm__os_read_file("/proc/sys/vm/overcommit_memory", &mode, sizeof(mode)) == 1 &&
           mode == '2';
}

void brkm__os_discard_begin(void)
{
    if (commits_strictly()) {
        relaxed_store(discards.advises, true);
    }
}

void brkm__os_discard_after_fork(void)
{
    relaxed_store(discards.is_child, true);
    relaxed_store(discards.maps_left, CHILD_MAPS_MAX);
}

static bool is_to_map(void)
{
    if (!os_is_single_threaded() || relaxed_load(discards.advises)) {
        return false;
    }
    if (!relaxed_load(discards.is_child)) {
        return true;
    }
    unsigned left = relaxed_load(discards.maps_left);
    relaxed_store(discards.maps_left, left - (left != 0));
    return left != 0;
}

bool brkm__os_discard(void *start, size_t size)
{
    if (is_to_map()) {
        long result = os_call(SYS_mmap, (long)start, (long)size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (result != -ENOMEM) {
            return !os_call_failed(result);
        }
    }
    return brkm__os_discard_guarded(start, size);
}

bool brkm__os_discard_guarded(void *start, size_t size)
{
    return advise(start, size, MADV_DONTNEED);
}

/* ---- Huge pages ---- */

bool brkm__os_advise_huge(void *start, size_t size, bool wanted)
{
    /* What is mapped over such memory would be advised otherwise, and not join. */
    relaxed_store(discards.advises, true);
    return advise(start, size, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

#define HUGE_PAGES_FOLDER "/sys/kernel/mm/transparent_hugepage/"

size_t brkm__os_huge_page_size(void)
{
    char text[64] = "";
    /* The choices in one line, the one in force in brackets. */
    intptr_t length = brkm__os_read_file(HUGE_PAGES_FOLDER "enabled", text, sizeof(text) - 1);
    if (length <= 0 || strstr(text, "[never]") != NULL) {
        return 0;
    }
    memset(text, 0, sizeof(text));
    length = brkm__os_read_file(HUGE_PAGES_FOLDER "hpage_pmd_size", text, sizeof(text) - 1);
    size_t size = 0;
    for (intptr_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        size = size * 10 + (size_t)(text[i] - '0');
    }
    return (size & (size - 1)) == 0 ? size : 0;
}

/* ---- Pages ---- */

bool brkm__os_tell_resident(const void *start, size_t size, unsigned char *pages)
{
    return os_call3(SYS_mincore, (long)start, (long)size, (long)pages) == 0;
}

/* Pages that the kernel is asked about at a time: a byte of the stack for each. */
#define PAGES_ASKED 4096

size_t brkm__os_resident(const void *start, size_t size)
{
    unsigned char told[PAGES_ASKED];
    size_t page = brkm__os_page_size();
    size_t resident = 0;
    for (size_t at = 0; at < size; at += PAGES_ASKED * page) {
        size_t bytes = min_size(size - at, PAGES_ASKED * page);
        if (!brkm__os_tell_resident((const char *)start + at, bytes, told)) {
            return SIZE_MAX;
        }
        for (size_t i = 0; i < bytes / page; i++) {
            resident += (told[i] & 1) * page;
        }
    }
    return resident;
}

/* Bytes of the kernel's signal set. */
#define KERNEL_SIGNAL_SET 8

bool brkm__os_is_readable(const void *address)
{
    /* The kernel reads a set, if there is one, before it finds that there is no such way to use it.
     */
    return address != NULL &&
           os_call4(SYS_rt_sigprocmask, -1, (long)address, 0, KERNEL_SIGNAL_SET) != -EFAULT;
}

/* Read once; whoever is first at the same time stores the same (relaxed_load, relaxed_store). */
static size_t page_size;

size_t brkm__os_page_size(void)
{
    if (unlikely(relaxed_load(page_size) == 0)) {
        relaxed_store(page_size, getauxval(AT_PAGESZ));
    }
    return relaxed_load(page_size);
}
