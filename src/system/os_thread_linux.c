/* SPDX-License-Identifier: MIT
 * Os_thread.h on Linux. */
#define _GNU_SOURCE
#include "system/os_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"

/* Bytes of address space, of which the thread touches two or three pages. It must also hold the
 * program's thread-local variables, and the exit handlers when this is the last thread. */
#define STACK_SIZE (256 * BRKM_KIB)

/* ---- Fork ---- */

#if defined(__GLIBC__)

/* What glibc's pthread_atfork calls. The function itself would be linked from an archive, which
 * wants this name strongly; musl has it in its library (os_loader_linux.c says why this is). */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                             void *object) __attribute__((weak));
extern void *__dso_handle BRKM_HIDDEN;
#pragma weak pthread_atfork

void brkm__os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    if (__register_atfork != NULL) {
        __register_atfork(prepare, parent, child, &__dso_handle);
    } else if (pthread_atfork != NULL) {
        pthread_atfork(prepare, parent, child);
    }
}

#else

void brkm__os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    pthread_atfork(prepare, parent, child);
}

#endif

/* ---- Beginning ---- */

/* Written by whoever starts the thread, before it exists. */
static struct {
    void (*run)(void);
    sigset_t signals; /* blocked signals of who started it */
} beginning;

static void *enter(void *unused)
{
    sigset_t signals = beginning.signals;
    prctl(PR_SET_NAME, "brkmalloc");
    beginning.run();
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return unused;
}

static bool create(const pthread_attr_t *attributes)
{
    pthread_t thread;
    return pthread_create(&thread, attributes, enter, NULL) == 0;
}

bool brkm__os_start_thread(void (*run)(void))
{
    int saved = errno;
    pthread_attr_t attributes;
    sigset_t all;
    bool started = false;
    sigfillset(&all);
    beginning.run = run;
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        /* A new thread inherits the mask. */
        pthread_sigmask(SIG_SETMASK, &all, &beginning.signals);
        started = pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 && create(&attributes);
        if (!started) {
            /* Too small for the program's thread-local variables: as large as others. */
            pthread_attr_destroy(&attributes);
            started = pthread_attr_init(&attributes) == 0 &&
                      pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                      create(&attributes);
        }
        pthread_sigmask(SIG_SETMASK, &beginning.signals, NULL);
        pthread_attr_destroy(&attributes);
    }
    errno = saved;
    return started;
}

/* ---- Waiting ---- */

void brkm__os_wait_at_most(uint32_t *word, uint32_t expected, uint64_t milliseconds)
{
    int saved = errno;
    struct timespec time = {
        .tv_sec = (time_t)(milliseconds / 1000),
        .tv_nsec = (long)(milliseconds % 1000 * 1000000),
    };
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
            milliseconds == UINT64_MAX ? NULL : &time, NULL, 0);
    errno = saved;
}

void brkm__os_wake(uint32_t *word)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

/* ---- Other threads ---- */

bool brkm__os_is_first_thread(void)
{
    int saved = errno;
    bool first = syscall(SYS_gettid) == getpid();
    errno = saved;
    return first;
}

/* As the kernel's getdents64 gives it. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* The state letter behind the name in parentheses, which may hold anything. */
static bool has_ended(int folder, const char *name)
{
    char path[32];
    char text[128];
    size_t length = strlen(name);
    if (length > sizeof(path) - sizeof("/stat")) {
        return false;
    }
    memcpy(path, name, length);
    memcpy(path + length, "/stat", sizeof("/stat"));
    int file = openat(folder, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT;
    }
    ssize_t got = read(file, text, sizeof(text));
    close(file);
    const char *end = got <= 0 ? NULL : memrchr(text, ')', (size_t)got);
    if (end == NULL || end + 2 >= text + got) {
        return got < 0 && errno == ESRCH;
    }
    return end[2] == 'Z' || end[2] == 'X';
}

/* True when every thread that the names in [entries, end) stand for has ended, but for `own`. */
static bool all_have_ended(int folder, const char *entries, const char *end, const char *own)
{
    while (entries < end) {
        const struct entry *entry = (const struct entry *)(const void *)entries;
        bool is_other = entry->name[0] != '.' && strcmp(entry->name, own) != 0;
        if (is_other && !has_ended(folder, entry->name)) {
            return false;
        }
        entries += entry->length;
    }
    return true;
}

/* The calling thread's number as text. */
static const char *own_number(char *text, size_t size)
{
    long number = syscall(SYS_gettid);
    char *digit = text + size - 1;
    *digit = '\0';
    do {
        *--digit = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return digit;
}

bool brkm__os_is_last_thread(void)
{
    int saved = errno;
    char number[24];
    const char *own = own_number(number, sizeof(number));
    _Alignas(struct entry) char entries[1024];
    bool last = false;
    int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        long got;
        last = true;
        do {
            got = syscall(SYS_getdents64, folder, entries, sizeof(entries));
            last = got >= 0 && all_have_ended(folder, entries, entries + got, own);
        } while (last && got > 0);
        close(folder);
    }
    errno = saved;
    return last;
}
