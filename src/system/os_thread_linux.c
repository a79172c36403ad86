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
#include <time.h>

#include "base/config.h"
#include "system/syscall.h"

/* ---- Sleeping ---- */

void brkm__os_wait_at_most(uint32_t *word, uint32_t expected, uint64_t milliseconds)
{
    struct timespec time = {
        .tv_sec = (time_t)(milliseconds / 1000),
        .tv_nsec = (long)(milliseconds % 1000 * 1000000),
    };
    os_call4(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, expected,
             milliseconds == UINT64_MAX ? 0 : (long)&time);
}

/* The kernel goes on waiting after a signal unless the time is limited; but the signal's handler
 * may have forked, and nobody may be left to wake the child. In milliseconds: an hour. */
#define WAIT_MAX 3600000

void brkm__os_wait(uint32_t *word, uint32_t expected)
{
    brkm__os_wait_at_most(word, expected, WAIT_MAX);
}

void brkm__os_wake_one(uint32_t *word)
{
    os_call3(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 1);
}

/* ---- Cancellation ---- */

int brkm__os_hold_cancellation(void)
{
    int held = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &held);
    return held;
}

void brkm__os_let_cancellation(int held)
{
    pthread_setcancelstate(held, NULL);
}

/* ---- The end of threads ---- */

_Static_assert(sizeof(pthread_key_t) == sizeof(unsigned), "struct os_thread_end holds a key");

/* Key 0 stays the program's: a variable for a key that was never made has that value, and what is
 * set by it shall fail as ever, not take the place of ours. */
static void leave_key_zero(struct os_thread_end *ends, void (*end)(void *value))
{
    pthread_key_t other;
    if (ends->key == 0 && pthread_key_create(&other, end) == 0) {
        pthread_key_delete(ends->key);
        ends->key = other;
    }
}

bool brkm__os_watch_ends(struct os_thread_end *ends, void (*end)(void *value))
{
    ends->valid = pthread_key_create(&ends->key, end) == 0;
    if (ends->valid) {
        leave_key_zero(ends, end);
    }
    return ends->valid;
}

void brkm__os_set_at_end(const struct os_thread_end *ends, const void *value)
{
    if (ends->valid) {
        pthread_setspecific(ends->key, value);
    }
}

uintptr_t brkm__os_thread_handle(void)
{
    return (uintptr_t)pthread_self();
}

/* ---- Forks ---- */

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

extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));

void brkm__os_streams_lock(void)
{
    if (_IO_list_lock != NULL) {
        _IO_list_lock();
    }
}

void brkm__os_streams_unlock(void)
{
    if (_IO_list_unlock != NULL) {
        _IO_list_unlock();
    }
}

void brkm__os_streams_reset(void)
{
    if (_IO_list_resetlock != NULL) {
        _IO_list_resetlock();
    }
}

/* ---- The allocator's own thread ---- */

/* Bytes of address space, of which the thread touches two or three pages. It must also hold the
 * program's thread-local variables, and the exit handlers when this is the last thread. */
#define STACK_SIZE (256 * BRKM_KIB)

/* Written by whoever starts the thread, before it exists. */
static struct {
    void (*run)(void);
    sigset_t signals; /* blocked signals of who started it */
} beginning;

static void *enter(void *unused)
{
    sigset_t signals = beginning.signals;
    os_call2(SYS_prctl, PR_SET_NAME, (long)"brkmalloc");
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

/* ---- Other threads ---- */

bool brkm__os_is_first_thread(void)
{
    return os_call0(SYS_gettid) == os_call0(SYS_getpid);
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
    long file = os_call4(SYS_openat, folder, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) {
        return file == -ENOENT;
    }
    long got = os_call3(SYS_read, file, (long)text, sizeof(text));
    os_call1(SYS_close, file);
    const char *end = got <= 0 ? NULL : memrchr(text, ')', (size_t)got);
    if (end == NULL || end + 2 >= text + got) {
        return got == -ESRCH;
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
    long number = os_call0(SYS_gettid);
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
    char number[24];
    const char *own = own_number(number, sizeof(number));
    _Alignas(struct entry) char entries[1024];
    bool last = false;
    int folder = (int)os_call4(SYS_openat, AT_FDCWD, (long)"/proc/self/task",
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (folder >= 0) {
        long got;
        last = true;
        do {
            got = os_call3(SYS_getdents64, folder, (long)entries, sizeof(entries));
            last = got >= 0 && all_have_ended(folder, entries, entries + got, own);
        } while (last && got > 0);
        os_call1(SYS_close, folder);
    }
    return last;
}
