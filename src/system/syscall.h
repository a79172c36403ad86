/* SPDX-License-Identifier: MIT
 * System calls by the processor's instruction, not by a name of libc's: names can be taken by other
 * libraries, which may allocate in what they put there while we hold a lock; and libc's functions
 * are cancellation points. Errno is not touched. Only for files of this folder. */
#ifndef BRKMALLOC_SYSTEM_SYSCALL_H
#define BRKMALLOC_SYSTEM_SYSCALL_H

#include <stdint.h>
#include <sys/syscall.h>

#include "base/base.h"

/* The highest errno value that the kernel returns, negative. */
#define OS_ERRNO_MAX 4095

#if defined(__x86_64__)

static inline long os_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    register long sixth __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

static inline long os_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long call __asm__("x8") = number;
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    register long fifth __asm__("x4") = e;
    register long sixth __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(first)
                     : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "memory");
    return first;
}

#else

#include <errno.h>
#include <unistd.h>

static inline long os_call(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    result = result == -1 ? -errno : result;
    errno = saved;
    return result;
}

#endif

static inline long os_call0(long number)
{
    return os_call(number, 0, 0, 0, 0, 0, 0);
}

static inline long os_call1(long number, long a)
{
    return os_call(number, a, 0, 0, 0, 0, 0);
}

static inline long os_call2(long number, long a, long b)
{
    return os_call(number, a, b, 0, 0, 0, 0);
}

static inline long os_call3(long number, long a, long b, long c)
{
    return os_call(number, a, b, c, 0, 0, 0);
}

static inline long os_call4(long number, long a, long b, long c, long d)
{
    return os_call(number, a, b, c, d, 0, 0);
}

static inline bool os_call_failed(long result)
{
    return result < 0 && result >= -OS_ERRNO_MAX;
}

#endif
