/* SPDX-License-Identifier: MIT
 * See site_sums.h. */
#include "site_sums.h"

#include <stdlib.h>

#include "../profile/memory.h"

void site_sums_begin(struct site_sums *sums, size_t count)
{
    *sums = (struct site_sums){.all = memory_zeroed(count, sizeof(*sums->all)), .count = count};
}

void site_sums_free(struct site_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++) {
        free(sums->all[i].lives);
    }
    free(sums->all);
    *sums = (struct site_sums){.count = 0};
}

/* ---- Lives ---- */

static unsigned class_of(uint64_t nanoseconds)
{
    unsigned highest = 63 ^ (unsigned)__builtin_clzll(nanoseconds | 1);
    if (highest < SITE_LIFE_BITS) {
        return (unsigned)nanoseconds;
    }
    unsigned shift = highest - SITE_LIFE_BITS;
    unsigned next = (unsigned)(nanoseconds >> shift) & ((1u << SITE_LIFE_BITS) - 1);
    return ((shift + 1) << SITE_LIFE_BITS) + next;
}

/* The middle of a class. */
static double life_of(unsigned life)
{
    unsigned shift = life >> SITE_LIFE_BITS;
    if (shift == 0) {
        return life;
    }
    unsigned next = life & ((1u << SITE_LIFE_BITS) - 1);
    double step = (double)((uint64_t)1 << (shift - 1));
    return ((1u << SITE_LIFE_BITS) + next) * step + (step - 1) / 2;
}

static void add_life(struct site_sum *sum, uint64_t nanoseconds)
{
    if (sum->lives == NULL) {
        sum->lives = memory_zeroed(SITE_LIVES, sizeof(*sum->lives));
    }
    sum->lives[class_of(nanoseconds)]++;
    sum->life_nanoseconds += (double)nanoseconds;
}

double site_sum_mean_life(const struct site_sum *sum)
{
    return sum->life_nanoseconds / (double)sum->frees;
}

double site_sum_median_life(const struct site_sum *sum)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < SITE_LIVES; i++) {
        count += sum->lives[i];
    }
    uint64_t so_far = 0;
    unsigned life = 0;
    while ((so_far += sum->lives[life]) * 2 < count) {
        life++;
    }
    return life_of(life);
}

/* ---- Blocks ---- */

/* What was live at the last peak, before that changes. */
static struct site_sum *before_change(struct site_sums *sums, uint32_t site)
{
    struct site_sum *sum = &sums->all[site];
    if (sum->peak != sums->peak) {
        sum->peak = sums->peak;
        sum->peak_bytes = sum->live_bytes;
    }
    return sum;
}

void site_sums_add(struct site_sums *sums, uint32_t site, uint64_t bytes)
{
    struct site_sum *sum = before_change(sums, site);
    sum->bytes += bytes;
    sum->allocations++;
    sum->live_bytes += bytes;
    sum->live_blocks++;
}

void site_sums_remove(struct site_sums *sums, uint32_t site, uint64_t bytes, uint64_t nanoseconds)
{
    struct site_sum *sum = before_change(sums, site);
    sum->frees++;
    sum->live_bytes -= bytes;
    sum->live_blocks--;
    add_life(sum, nanoseconds);
}

void site_sums_note_peak(struct site_sums *sums)
{
    sums->peak++;
}

void site_sums_finish(struct site_sums *sums, uint64_t sample)
{
    for (uint32_t i = 0; i < sums->count; i++) {
        struct site_sum *sum = before_change(sums, i);
        sum->bytes *= sample;
        sum->allocations *= sample;
        sum->frees *= sample;
        sum->life_nanoseconds *= (double)sample;
        sum->live_bytes *= sample;
        sum->live_blocks *= sample;
        sum->peak_bytes *= sample;
    }
}
