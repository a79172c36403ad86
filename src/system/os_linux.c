/* SPDX-License-Identifier: MIT
 * Os.h on Linux. */
#define _GNU_SOURCE
#include "system/os.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "system/os_thread.h"
#include "system/syscall.h"

/* ---- The process ---- */

bool brkm__os_is_secure_mode(void)
{
    return getauxval(AT_SECURE) != 0;
}

const char *brkm__os_environment(const char *name)
{
    size_t length = strlen(name);
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') {
            return *entry + length + 1;
        }
    }
    return NULL;
}

int brkm__os_process_id(void)
{
    return (int)os_call0(SYS_getpid);
}

/* Words of a set of processors: room for 8192, as many as the kernel has at most. */
#define PROCESSOR_WORDS 128

unsigned brkm__os_processors(void)
{
    unsigned long set[PROCESSOR_WORDS];
    long bytes = os_call3(SYS_sched_getaffinity, 0, sizeof(set), (long)set);
    unsigned count = 0;
    for (long i = 0; i < bytes / (long)sizeof(set[0]); i++) {
        count += (unsigned)__builtin_popcountl(set[i]);
    }
    return count != 0 ? count : 1;
}

int brkm__os_thread_id(void)
{
    return (int)os_call0(SYS_gettid);
}

_Noreturn void brkm__os_abort(void)
{
    brkm__os_hold_cancellation();
    abort();
}

_Noreturn void brkm__os_exit(int status)
{
    brkm__os_hold_cancellation();
    fflush(NULL);
    _exit(status);
}

/* ---- Clocks: the kernel's own function, which it maps into each process ---- */

#if defined(__x86_64__)
#define CLOCK_FUNCTION "__vdso_clock_gettime"
#else
#define CLOCK_FUNCTION "__kernel_clock_gettime"
#endif

typedef int clock_function(clockid_t clock, struct timespec *time);

static int clock_by_call(clockid_t clock, struct timespec *time)
{
    return (int)os_call2(SYS_clock_gettime, clock, (long)time);
}

/* The function of that name in an object of which file and memory are alike. NULL: none. */
static clock_function *find_in_image(const char *image, const char *name)
{
    const ElfW(Ehdr) *header = (const void *)image;
    const ElfW(Shdr) *sections = (const void *)(image + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM) {
            continue;
        }
        const ElfW(Sym) *symbols = (const void *)(image + sections[i].sh_offset);
        const char *names = image + sections[sections[i].sh_link].sh_offset;
        for (size_t k = 0; k < sections[i].sh_size / sizeof(*symbols); k++) {
            if (symbols[k].st_shndx != SHN_UNDEF && strcmp(names + symbols[k].st_name, name) == 0) {
                return (clock_function *)(uintptr_t)(image + symbols[k].st_value);
            }
        }
    }
    return NULL;
}

/* Found once; whoever is first at the same time stores the same (relaxed_load, relaxed_store). */
static clock_function *clock_now;

static struct timespec time_on(clockid_t clock)
{
    struct timespec now = {0, 0};
    if (unlikely(relaxed_load(clock_now) == NULL)) {
        const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
        clock_function *found = image == NULL ? NULL : find_in_image(image, CLOCK_FUNCTION);
        relaxed_store(clock_now, found != NULL ? found : clock_by_call);
    }
    relaxed_load(clock_now)(clock, &now);
    return now;
}

uint64_t brkm__os_milliseconds(void)
{
    struct timespec now = time_on(CLOCK_MONOTONIC_COARSE);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t brkm__os_microseconds(void)
{
    struct timespec now = time_on(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t brkm__os_time(void)
{
    return (uint64_t)time_on(CLOCK_REALTIME).tv_sec;
}

/* ---- Entropy ---- */

/* Written once, each word by the first of those who draw at the same time; 0 before. The clock
 * comes last: who reads it (acquire) finds the others. */
static uint64_t drawn[2], drawn_at;

/* Returns what the word holds then: `value`, or what another drew first. */
static uint64_t draw_once(uint64_t *word, uint64_t value)
{
    uint64_t none = 0;
    value |= value == 0;
    bool first =
        __atomic_compare_exchange_n(word, &none, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return first ? value : none;
}

void brkm__os_entropy(struct os_entropy *entropy)
{
    *entropy = (struct os_entropy){.more = {0, getauxval(AT_RANDOM), (uintptr_t)&brkm__os_entropy,
                                            getauxval(AT_SYSINFO_EHDR)}};
    if (__atomic_load_n(&drawn_at, __ATOMIC_ACQUIRE) == 0) {
        os_call3(SYS_getrandom, (long)entropy->drawn, sizeof(entropy->drawn), GRND_NONBLOCK);
    }
    struct timespec now = time_on(CLOCK_MONOTONIC);
    for (size_t i = 0; i < 2; i++) {
        entropy->drawn[i] = draw_once(&drawn[i], entropy->drawn[i]);
    }
    entropy->more[0] =
        draw_once(&drawn_at, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
    if (entropy->more[1] != 0) {
        memcpy(entropy->at_start, (const void *)entropy->more[1], sizeof(entropy->at_start));
    }
}

/* ---- Signals ---- */

bool brkm__os_handle_signal(int number, void (*handler)(int number))
{
    int saved = errno;
    struct sigaction old;
    struct sigaction ours = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigfillset(&ours.sa_mask);
    bool done = sigaction(number, NULL, &old) == 0 &&
                (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) &&
                sigaction(number, &ours, NULL) == 0;
    errno = saved;
    return done;
}
