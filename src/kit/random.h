/* SPDX-License-Identifier: MIT
 * Numbers that a program, or who attacks it, does not foresee from a few of them. Not for
 * keys. Marsaglia's xorshift64 with a multiplication ("Xorshift RNGs", 2003; Vigna, 2016). */
#ifndef BRKMALLOC_KIT_RANDOM_H
#define BRKMALLOC_KIT_RANDOM_H

#include "base/base.h"
#include "kit/secret.h"

/* The next number of the sequence that `state` stands in; 0 begins one of its own for each address
 * of a state and each process. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state != 0 ? *state : brkm__secret(SECRET_PLACEMENT, (uintptr_t)state) | 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

/* For choices among a few that are made with every call, where whoever wants to foresee them sees
 * no number but only what became of it: a linear congruential generator of which state and
 * increment are secret (Knuth's multiplier, "The Art of Computer Programming" 3.3.4). */
struct random_choice {
    uint64_t state;
    uint64_t increment; /* odd; 0 before random_choice_begin */
};

static inline void random_choice_begin(struct random_choice *choice)
{
    choice->state = 0;
    choice->state = random_next(&choice->state);
    choice->increment = 0;
    choice->increment = random_next(&choice->increment) | 1;
}

/* The next number; its high bits are the better ones. */
static inline uint32_t random_choice_next(struct random_choice *choice)
{
    choice->state = choice->state * 6364136223846793005u + choice->increment;
    return (uint32_t)(choice->state >> 32);
}

#endif
