/* SPDX-License-Identifier: MIT
 * Attributes and checked arithmetic. */
#ifndef BRKMALLOC_BASE_BASE_H
#define BRKMALLOC_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
/* On data that the fast path reads: reached without a detour through the global offset table. */
#define BRKM_HIDDEN __attribute__((visibility("hidden")))
/* On functions that programs call, and those that these end in: a stack's own frames are told by it
 * from the program's (backtrace.h). Which of them it is of, as a message calls it, is told by the
 * section: BRKM_ENTRY_OF takes the first word of a line below. */
#define BRKM_ENTRY BRKM_ENTRY_OF(entry)
#define BRKM_ENTRY_OF(name) __attribute__((section("brkmalloc_" #name)))
#define BRKM_ENTRIES(X)                         \
    X(entry, NULL)                              \
    X(aligned_alloc, "aligned_alloc")           \
    X(calloc, "calloc")                         \
    X(cfree, "cfree")                           \
    X(check_heap, "brkm_check_heap")            \
    X(exit, "exit")                             \
    X(free, "free")                             \
    X(free_aligned_sized, "free_aligned_sized") \
    X(free_sized, "free_sized")                 \
    X(mallinfo, "mallinfo")                     \
    X(malloc, "malloc")                         \
    X(malloc_info, "malloc_info")               \
    X(malloc_stats, "malloc_stats")             \
    X(malloc_trim, "malloc_trim")               \
    X(malloc_usable_size, "malloc_usable_size") \
    X(mallopt, "mallopt")                       \
    X(memalign, "memalign")                     \
    X(option_set, "brkm_option_set")            \
    X(posix_memalign, "posix_memalign")         \
    X(pvalloc, "pvalloc")                       \
    X(realloc, "realloc")                       \
    X(service, "brkmalloc's own thread")        \
    X(stats_print, "brkm_stats_print")          \
    X(thread_end, "a thread's end")             \
    X(valloc, "valloc")
/* At a function's end: what it called last is called, not jumped to, and finds a frame of it. */
#define BRKM_KEEP_FRAME() __asm__ volatile("")
#define BRKM_NOINLINE __attribute__((noinline))
#define BRKM_COLD __attribute__((noinline, cold))
#define BRKM_ALWAYS_INLINE inline __attribute__((always_inline))

/* Words that one thread writes while others may read them, where the reader can do with either
 * value. Relaxed atomic operations say that; but compilers keep each of them apart from the
 * arithmetic around it, which costs the fast path five instructions per pair of malloc and free. An
 * aligned word is read and written in one piece on every machine we build for, so the plain access
 * does the same; the thread sanitizer is shown the atomic one. */
#if defined(__SANITIZE_THREAD__)
#define BRKM_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BRKM_THREAD_SANITIZER 1
#endif
#endif
#ifdef BRKM_THREAD_SANITIZER
#define relaxed_load(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define relaxed_store(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELAXED)
#else
#define relaxed_load(word) (word)
#define relaxed_store(word, value) ((void)((word) = (value)))
#endif

/* Makes the compiler forget what it knows of a word in memory, or of a value: it then uses the
 * machine's read-modify-write instruction, or one register, instead of two. */
#define forget_word(word) __asm__("" : "+m"(word))
#define forget_value(value) __asm__("" : "+r"(value))

/* 2^64 / golden ratio, odd: the product has something of every bit of a number in its upper bits
 * (Knuth, TAOCP 3, 6.4). */
#define BRKM_MIXING_FACTOR 0x9e3779b97f4a7c15u

static inline bool is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* `alignment` is a power of two; the caller knows that the sum does not overflow. */
static inline size_t align_up(size_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

static inline size_t align_down(size_t value, size_t alignment)
{
    return value & ~(alignment - 1);
}

/* The power of two at or above `value`; 0 when there is none. */
static inline size_t power_of_two_above(size_t value)
{
    if (value <= 1) {
        return 1;
    }
    unsigned bits = 64 - (unsigned)__builtin_clzll((unsigned long long)value - 1);
    return bits >= 8 * sizeof(size_t) ? 0 : (size_t)1 << bits;
}

static inline unsigned log2_floor(size_t value)
{
    return 63 - (unsigned)__builtin_clzll((unsigned long long)value);
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
