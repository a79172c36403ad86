/* SPDX-License-Identifier: MIT
 * Steps through the heaps block by block, and the check of their invariants. The locks of all heaps
 * are held by the caller.
 *
 * Blocks may go from a program to a cache and back meanwhile, but neither come nor go nor change
 * their size without the lock: a walk sees each once, in one state. */
#ifndef BRKMALLOC_HEAP_WALK_H
#define BRKMALLOC_HEAP_WALK_H

#include "heap/free_space.h"
#include "heap/regions.h"

/* All zero before the first step. */
struct walk {
    const struct region *region; /* that the block lies in */
    const struct mem_control_block *block;
    enum block_state state;
    size_t size; /* 0 of the top and of a fencepost */
};

/* Goes to the next block of all regions, abandoned ones left out; false after the last. Each region
 * ends with its top, its fencepost, or with all that follows a header which cannot be right: that
 * counts as one block with the state BLOCK_DAMAGED. */
bool brkm__walk_step(struct walk *walk);

/* True when the block is the first of its region. */
static inline bool walk_begins_region(const struct walk *walk)
{
    return walk->block == walk->region->first;
}

/* The block or top whose header is at `address` or whose payload it lies in, or the damaged one
 * before it; NULL where there is none. For messages, not for speed. */
const struct mem_control_block *brkm__walk_find(const void *address);

/* Verifies the invariants I1 to I8, I10 and I11 of docs/design.md for all heaps and names each
 * violation on standard error. Returns how many there are. */
int brkm__walk_check(void);

/* For checked builds, after each operation: false when the heap broke an invariant by itself. What
 * a program can have overwritten is no verdict on the heap, and is left to the checks that name it.
 * Larger heaps are looked at less often, so that an operation costs the same on average. */
bool brkm__walk_is_sound(void);

#endif
