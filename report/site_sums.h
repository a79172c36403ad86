/* SPDX-License-Identifier: MIT
 *
 * What was allocated through each call site: bytes, blocks, how long these lived, and what was live
 * at the moment at which most was. */
#ifndef REPORT_SITE_SUMS_H
#define REPORT_SITE_SUMS_H

#include <stddef.h>
#include <stdint.h>

/* Lives are sorted into classes by the highest bits of their nanoseconds: eight for each power of
 * two, so that those of one class differ by at most an eighth. */
#define SITE_LIFE_BITS 3
#define SITE_LIVES (64u << SITE_LIFE_BITS)

struct site_sum {
    uint64_t bytes;
    uint64_t allocations;
    uint64_t frees;
    double life_nanoseconds; /* of all that were freed */
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t peak_bytes; /* at the peak number `peak`; at a later one it is `live_bytes` */
    uint64_t peak;
    uint32_t *lives; /* by class; NULL while nothing was freed */
};

struct site_sums {
    struct site_sum *all; /* by number of site; the first are those without one */
    size_t count;
    uint64_t peak; /* how often more was live than ever before */
};

void site_sums_begin(struct site_sums *sums, size_t count);
void site_sums_free(struct site_sums *sums);

void site_sums_add(struct site_sums *sums, uint32_t site, uint64_t bytes);
void site_sums_remove(struct site_sums *sums, uint32_t site, uint64_t bytes, uint64_t nanoseconds);

/* More is live than ever before. */
void site_sums_note_peak(struct site_sums *sums);

/* All has been added; of a sample of one in so many, the sums are then those of all. */
void site_sums_finish(struct site_sums *sums, uint64_t sample);

/* Of what was freed, in nanoseconds; the median is exact to a sixteenth. */
double site_sum_mean_life(const struct site_sum *sum);
double site_sum_median_life(const struct site_sum *sum);

#endif
