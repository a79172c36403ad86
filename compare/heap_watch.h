/* SPDX-License-Identifier: MIT
 *
 * What brkmalloc itself knows of its heap, for programs that it is preloaded to. Unlike resident
 * memory these figures have nothing of the rest of the process in them, and are the same on every
 * run of a program with one thread. Nothing here allocates, but for the first block of the heap. */
#ifndef BRKM_HEAP_WATCH_H
#define BRKM_HEAP_WATCH_H

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Pages that one system call tells of. */
#define HEAP_WATCH_PAGES 4096

struct heap_watch {
    struct mallinfo2 (*totals)(void); /* NULL: not watched */
    uintptr_t break_start;
};

struct heap_figures {
    size_t heap;  /* bytes up to the heap's top, and those of mapped blocks */
    size_t pages; /* of that, bytes whose pages are there */
};

/* Where the kernel put the first break: field 47 of stat, of which the second, the name, may hold
 * spaces and brackets. Where the kernel does not tell: where the break is now. */
static inline uintptr_t heap_first_break(void)
{
    char text[2048];
    int descriptor = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, sizeof(text) - 1);
    if (descriptor >= 0) {
        close(descriptor);
    }
    text[length > 0 ? length : 0] = '\0';
    char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 47; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? (uintptr_t)sbrk(0) : (uintptr_t)strtoull(at, NULL, 10);
}

/* False when another allocator serves malloc. */
static inline bool heap_watch_begin(struct heap_watch *watch)
{
    void *found = dlsym(RTLD_DEFAULT, "brkm_mallinfo2");
    if (found == NULL) {
        return false;
    }
    memcpy(&watch->totals, &found, sizeof(found));
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    watch->break_start = (heap_first_break() + page - 1) & ~(page - 1);
    /* A huge page would make more resident than what was touched. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    free(malloc(1));
    return true;
}

/* How many of the pages from `start` to `end` are there; false when some are not mapped. */
static inline bool heap_count_pages(uintptr_t start, uintptr_t end, size_t *pages)
{
    unsigned char present[HEAP_WATCH_PAGES];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *pages = 0;
    for (uintptr_t at = start; at < end; at += sizeof(present) * page) {
        size_t count = (end - at + page - 1) / page;
        count = count < sizeof(present) ? count : sizeof(present);
        if (mincore((void *)at, count * page, present) != 0) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            *pages += present[i] & 1;
        }
    }
    return true;
}

/* False when the pages cannot be counted. */
static inline bool heap_watch_read(const struct heap_watch *watch, struct heap_figures *figures)
{
    size_t pages;
    uintptr_t end = (uintptr_t)sbrk(0);
    while (!heap_count_pages(watch->break_start, end, &pages)) {
        uintptr_t lowered = (uintptr_t)sbrk(0); /* by another thread, meanwhile */
        if (lowered == end) {
            return false;
        }
        end = lowered;
    }
    struct mallinfo2 totals = watch->totals();
    figures->heap = totals.arena - totals.keepcost + totals.hblkhd;
    figures->pages = pages * (size_t)sysconf(_SC_PAGESIZE) + totals.hblkhd;
    return true;
}

#endif
