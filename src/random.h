/* SPDX-License-Identifier: MIT
 * Layer 2: numbers that a program, or who attacks it, does not foresee from a few of them. Not for
 * keys. Marsaglia's xorshift64 with a multiplication ("Xorshift RNGs", 2003; Vigna, 2016). */
#ifndef BRKMALLOC_RANDOM_H
#define BRKMALLOC_RANDOM_H

#include "base.h"
#include "os.h"

/* The next number of the sequence that `state` stands in; 0 begins one of its own for each address
 * of a state and each process. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state != 0 ? *state : (brkm__os_entropy() ^ (uintptr_t)state) | 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

#endif
