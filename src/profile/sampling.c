/* SPDX-License-Identifier: MIT
 * See sampling.h. */
#include "profile/sampling.h"

#include "kit/random.h"
#include "kit/secret.h"
#include "system/os.h"

/* ln 2 in units of 2^-32. */
#define LN_2 ((uint64_t)2977044472)

/* Digits behind the point of a logarithm. */
#define LOG_BITS 32

__extension__ typedef unsigned __int128 uint128;

/* Written once, before the first count. */
static size_t interval;

static _Thread_local struct {
    /* Bytes beyond brkm__watch_left: gaps are cut so that blocks which count exactly never pass.
     */
    size_t beyond;
    size_t left_apart; /* brkm__watch_left while it must be 0 */
    uint64_t random;   /* 0 before the first use */
} own;

/* Seeds drawn so far, so that each thread has numbers of its own, also one whose memory was
 * another's before (relaxed: any order will do). */
static uint64_t seeds;

/* Each digit of a logarithm of m, 1 <= m < 2, is found by squaring: log2(m^2) = 2 log2(m), and
 * where the square is 2 or more the digit is 1 and goes away by halving. */
uint64_t brkm__sampling_minus_log2(uint64_t number)
{
    unsigned zeros = (unsigned)__builtin_clzll(number);
    uint64_t mantissa = number << zeros; /* in units of 2^-63 */
    uint64_t digits = 0;
    for (unsigned i = 0; i < LOG_BITS; i++) {
        uint64_t square = (uint64_t)((uint128)mantissa * mantissa >> 64); /* of 2^-62 */
        uint64_t digit = square >> 63;
        digits = digits << 1 | digit;
        mantissa = digit != 0 ? square : square << 1;
    }
    return ((uint64_t)(zeros + 1) << LOG_BITS) - digits;
}

static void draw_seed(void)
{
    uint64_t count = __atomic_add_fetch(&seeds, 1, __ATOMIC_RELAXED);
    uint64_t process = (uint64_t)brkm__os_process_id() << 32;
    own.random = brkm__secret(SECRET_SAMPLING, process ^ count) | 1;
}

/* Bytes to the next point: each byte is one with probability 1 - exp(-1/m), which is 1/interval,
 * but for one part in 12 * interval^2, with m = interval - 1/2. */
static size_t draw_gap(void)
{
    if (interval == 1) {
        return 1;
    }
    uint64_t number = random_next(&own.random) | 1;
    uint128 nats = (uint128)brkm__sampling_minus_log2(number) * LN_2; /* of 2^-64 */
    return 1 + (size_t)((nats >> 32) * (2 * (uint128)interval - 1) >> 33);
}

static size_t exact_size(void)
{
    return SAMPLING_EXACT * interval;
}

/* The next stretch of bytes without a point, of `gap` in all. */
static void set_gap(size_t gap)
{
    brkm__watch_left = min_size(gap, exact_size());
    own.beyond = gap - brkm__watch_left;
}

void brkm__sampling_begin(size_t bytes)
{
    interval = max_size(bytes, 1);
}

void brkm__sampling_forget(void)
{
    brkm__watch_left = 0;
    own.left_apart = 0;
    own.random = 0;
}

/* Points in the next `size` bytes. */
static size_t count_points(size_t size)
{
    size_t points = 0;
    size_t rest = size;
    while (rest >= brkm__watch_left) {
        rest -= brkm__watch_left;
        if (own.beyond != 0) {
            set_gap(own.beyond);
        } else {
            points++;
            set_gap(draw_gap());
        }
    }
    brkm__watch_left -= rest;
    return points;
}

struct sample_weight brkm__sampling_count(size_t size)
{
    if (unlikely(own.random == 0)) {
        draw_seed();
        set_gap(draw_gap());
    }
    if (size >= exact_size()) {
        return (struct sample_weight){size, SAMPLING_BLOCK};
    }
    size_t points = count_points(size);
    if (points == 0) {
        return (struct sample_weight){0, 0};
    }
    uint64_t bytes = (uint64_t)points * interval;
    return (struct sample_weight){bytes, bytes * SAMPLING_BLOCK / size};
}

struct sample_weight brkm__sampling_count_apart(size_t size)
{
    struct sample_weight weight = {0, 0};
    brkm__watch_left = own.left_apart;
    if (!watch_passes(size)) {
        weight = brkm__sampling_count(size);
    }
    own.left_apart = brkm__watch_left;
    brkm__watch_left = 0;
    return weight;
}
