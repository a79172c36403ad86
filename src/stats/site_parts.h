/* SPDX-License-Identifier: MIT
 * What call sites have of the blocks in use, and pin, as far as the heap profile has samples of
 * them. A sample stands for as many blocks as lie between two samples, which is much more than
 * there are where there are few. The walk knows what there is of each bin: of that, all sites
 * together get no more. */
#ifndef BRKMALLOC_STATS_SITE_PARTS_H
#define BRKMALLOC_STATS_SITE_PARTS_H

#include "base/base.h"
#include "malloc/watcher.h"
#include "stats/shares.h"

/* Of one call stack and one bin. */
struct site_part {
    const void *stack; /* NULL in an empty place */
    unsigned bin;
    struct site_share share; /* the samples' own estimate */
    uint64_t rounding;
};

/* Stacks with bins that are told apart, a power of two; those beyond are left out. */
#define SITE_PARTS 16384u

struct site_parts {
    size_t left_out;
    struct site_part all[SITE_PARTS];
};

/* A noted block that was seen: its size, or 0 and what it pins on one of its pages. */
struct sight {
    const struct mem_control_block *block;
    size_t size, pinned;
    unsigned bin;
};

void brkm__site_parts_add(struct site_parts *parts, const struct sight *sight, struct note note);

/* Fills in the sites of `shares`, whose classes are complete, and its rounding. */
void brkm__site_parts_sum_up(const struct site_parts *parts, struct memory_shares *shares);

#endif
