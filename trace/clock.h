/* SPDX-License-Identifier: MIT
 *
 * The recorder's clock: ticks that order the calls of all threads. Where the processor has a
 * counter that runs evenly on all cores it is read directly, since a call of the C library would
 * cost more than a malloc. */
#ifndef BRKMALLOC_TRACE_CLOCK_H
#define BRKMALLOC_TRACE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* A tick of 16 cycles is shorter than the way of a block from one processor to another. */
#define CLOCK_COUNTER_SHIFT 4

/* Invariant time stamp counter and rdtscp. */
static inline bool clock_has_counter(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8) != 0 &&
           __get_cpuid(0x80000001, &a, &b, &c, &d) && (d & 1u << 27) != 0;
}

static inline uint64_t clock_counter_before(void)
{
    return __builtin_ia32_rdtsc() >> CLOCK_COUNTER_SHIFT;
}

static inline uint64_t clock_counter_after(void)
{
    unsigned processor;
    return __builtin_ia32_rdtscp(&processor) >> CLOCK_COUNTER_SHIFT;
}

#elif defined(__aarch64__)

static inline bool clock_has_counter(void)
{
    return true;
}

static inline uint64_t clock_counter_after(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

static inline uint64_t clock_counter_before(void)
{
    return clock_counter_after();
}

#else

static inline bool clock_has_counter(void)
{
    return false;
}

static inline uint64_t clock_counter_before(void)
{
    return 0;
}

static inline uint64_t clock_counter_after(void)
{
    return 0;
}

#endif

/* A time before all that is written behind the call. */
static inline uint64_t clock_ticks_before(bool has_counter)
{
    return has_counter ? clock_counter_before() : clock_nanoseconds(CLOCK_MONOTONIC);
}

/* A time after all that was read in front of the call, which costs more to know: so a block that
 * came from another thread has a later time than its free there. */
static inline uint64_t clock_ticks_after(bool has_counter)
{
    return has_counter ? clock_counter_after() : clock_nanoseconds(CLOCK_MONOTONIC);
}

#endif
