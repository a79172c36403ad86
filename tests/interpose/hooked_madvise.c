/* SPDX-License-Identifier: MIT
 *
 * The program has functions of libc's names that allocate, as communication libraries and tools for
 * tests do: the allocator must not call them while it holds a lock, and calls none of those here at
 * all. Threads allocate and end, contents whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static atomic_ulong calls;
static __thread int inside;

/* Notes what happened, in memory that grows. */
static void note(const void *start, size_t size)
{
    static __thread struct range {
        const void *start;
        size_t size;
    } * ranges;
    static __thread size_t used, capacity;
    if (inside)
        return;
    inside = 1;
    atomic_fetch_add(&calls, 1);
    if (used == capacity) {
        capacity = capacity == 0 ? 8 : 2 * capacity;
        ranges = realloc(ranges, capacity * sizeof *ranges);
    }
    ranges[used].start = start;
    ranges[used++].size = size;
    if (used > 2000) {
        free(ranges);
        ranges = NULL;
        used = capacity = 0;
    }
    inside = 0;
}

/* As libc's wrappers; syscall itself is taken too. */
static long result_of(long result)
{
    if (result < 0 && result >= -4095) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static long call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long fourth __asm__("r10") = d, fifth __asm__("r8") = e, sixth __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result_of(result);
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
                     x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e,
                     x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return result_of(x0);
#endif
}

void *mmap(void *start, size_t size, int protection, int flags, int file, off_t offset)
{
    note(start, size);
    return (void *)call(SYS_mmap, (long)start, (long)size, protection, flags, file, offset);
}

int munmap(void *start, size_t size)
{
    note(start, size);
    return (int)call(SYS_munmap, (long)start, (long)size, 0, 0, 0, 0);
}

int mprotect(void *start, size_t size, int protection)
{
    note(start, size);
    return (int)call(SYS_mprotect, (long)start, (long)size, protection, 0, 0, 0);
}

int madvise(void *start, size_t size, int advice)
{
    note(start, size);
    return (int)call(SYS_madvise, (long)start, (long)size, advice, 0, 0, 0);
}

void *mremap(void *start, size_t old_size, size_t new_size, int flags, ...)
{
    note(start, old_size);
    return (void *)call(SYS_mremap, (long)start, (long)old_size, (long)new_size, flags, 0, 0);
}

static void *current_break(void)
{
    return (void *)call(SYS_brk, 0, 0, 0, 0, 0, 0);
}

void *sbrk(intptr_t increment)
{
    char *before = current_break();
    note(before, (size_t)increment);
    call(SYS_brk, (long)(before + increment), 0, 0, 0, 0, 0);
    return before;
}

int brk(void *wanted)
{
    note(wanted, 0);
    return call(SYS_brk, (long)wanted, 0, 0, 0, 0, 0) == (long)wanted ? 0 : -1;
}

long syscall(long number, ...)
{
    va_list arguments;
    long a[6];
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    note(NULL, (size_t)number);
    return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    note(now, 0);
    return (int)call(SYS_clock_gettime, clock, (long)now, 0, 0, 0, 0);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    note(bytes, size);
    return call(SYS_write, file, (long)bytes, (long)size, 0, 0, 0);
}

ssize_t read(int file, void *bytes, size_t size)
{
    note(NULL, size);
    return call(SYS_read, file, (long)bytes, (long)size, 0, 0, 0);
}

int close(int file)
{
    note(NULL, 0);
    return (int)call(SYS_close, file, 0, 0, 0, 0, 0);
}

int open(const char *path, int flags, ...)
{
    note(path, 0);
    return (int)call(SYS_openat, AT_FDCWD, (long)path, flags, 0600, 0, 0);
}

pid_t getpid(void)
{
    note(NULL, 0);
    return (pid_t)call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static void *work(void *seed)
{
    enum { count = 4000, steps = 40000 };
    static __thread char *block[count];
    static __thread size_t size[count];
    unsigned x = *(unsigned *)seed;
    for (int k = 0; k < steps; k++) {
        x = x * 1103515245 + 12345;
        int i = (int)((x >> 8) % count);
        if (block[i] != NULL) {
            CHECK_EQ_INT(block[i][0], (char)i);
            CHECK_EQ_INT(block[i][size[i] - 1], (char)i);
            free(block[i]);
            block[i] = NULL;
        } else {
            size[i] = (16 + (x >> 16) % 20000) * ((x >> 28) != 0 ? 1 : 30);
            block[i] = malloc(size[i]);
            CHECK_NOT_NULL(block[i]);
            memset(block[i], i, size[i]);
        }
        if (k % 20000 == 0) {
            malloc_trim(0);
            malloc_stats();
        }
    }
    for (int i = 0; i < count; i++)
        free(block[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { threads = 3 };
    pthread_t thread[threads];
    unsigned seeds[threads + 1] = {1, 2, 3, 4};
    door_require(argc, argv);
    int quiet = open("/dev/null", O_WRONLY);
    int saved = dup(STDERR_FILENO);
    dup2(quiet, STDERR_FILENO);
    atomic_store(&calls, 0);
    work(&seeds[threads]);
    CHECK_EQ_UINT(atomic_load(&calls), 0);
    for (int i = 0; i < threads; i++)
        CHECK_EQ_INT(pthread_create(&thread[i], NULL, work, &seeds[i]), 0);
    for (int i = 0; i < threads; i++)
        CHECK_EQ_INT(pthread_join(thread[i], NULL), 0);
    CHECK_EQ_UINT(atomic_load(&calls), 0);
    /* libc's break is where ours is: it takes nothing from us. */
    void *(*libc_sbrk)(intptr_t) = sbrk;
    CHECK_NE_PTR(libc_sbrk(0), NULL);
    dup2(saved, STDERR_FILENO);
    return door_done();
}
