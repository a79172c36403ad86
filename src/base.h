/* SPDX-License-Identifier: MIT
 * Layer 0: attributes and checked arithmetic. */
#ifndef BRKMALLOC_BASE_H
#define BRKMALLOC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define BRKM_NOINLINE __attribute__((noinline))
#define BRKM_COLD __attribute__((noinline, cold))
#define BRKM_ALWAYS_INLINE inline __attribute__((always_inline))

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
