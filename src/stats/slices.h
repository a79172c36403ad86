/* SPDX-License-Identifier: MIT
 * A walk through the heap in slices: the heap is locked for a bounded number of blocks at a time,
 * and open in between. A slice is true of its moment. What comes and goes between two may be missed
 * or seen as it was; what stays where it is, is seen once. */
#ifndef BRKMALLOC_STATS_SLICES_H
#define BRKMALLOC_STATS_SLICES_H

#include "base/base.h"
#include "heap/heaps.h"
#include "heap/walk.h"

/* Blocks that are looked at while the lock is held: some 0.3 ms of processor time where each costs
 * the processor's caches a miss. */
#define SLICE_BLOCKS 2048u

/* Microseconds after which it is let go: blocks whose pages the system has to bring take longer. */
#define SLICE_US 300u

/* Headers of a slice that are remembered, to go on from the last that is still one. */
#define SLICE_MARKS 16u

/* All zero before the first slice, but for `with_rests`. */
struct slices {
    /* A block that begins before `seen_to` and ends behind it is passed on, too: what was seen
     * tiles its region. It came of blocks that were seen, since. */
    bool with_rests;
    const struct region *region;           /* NULL before the first and after the last */
    const struct mem_control_block *first; /* of the region: another's where the entry was reused */
    uintptr_t seen_to;                     /* up to here all of the region was seen */
    unsigned vain;     /* times that the region was begun anew since anything was seen */
    size_t mean;       /* bytes of a block lately */
    unsigned stretch;  /* blocks from one look at the clock to the next */
    size_t marks_made; /* in the region; the newest SLICE_MARKS are there */
    const struct mem_control_block *marks[SLICE_MARKS];
};

/* The locks of all heaps and that of the rows. */
void brkm__slices_lock(void);
void brkm__slices_unlock(void);

/* Makes a walk stand at `block`, in use, cached, free or a row, or a chunk's edge: the next step
 * takes the one behind it. False where there is no such header. The heap is locked. */
bool brkm__walk_stand_at(struct walk *walk, const struct region *region,
                         const struct mem_control_block *block);

/* Calls `see` for the blocks of the next slice, with the locks held. False after the last. */
bool brkm__slices_next(struct slices *slices, void (*see)(void *context, const struct walk *at),
                       void *context);

#endif
