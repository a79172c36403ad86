/* SPDX-License-Identifier: MIT
 * The depot, where thread caches leave and find whole batches of cached blocks.
 *
 * No thread owns a block here: what a consumer frees comes back to a producer a batch at a time.
 * Each heap has a depot, so that batches pass between the threads whose home it is and no others.
 * Each size class has a shelf with a lock of its own; storing and taking a batch is O(1). What is
 * past the bound goes back to the heap, where it coalesces. */
#ifndef BRKMALLOC_CACHE_DEPOT_H
#define BRKMALLOC_CACHE_DEPOT_H

#include "base/base.h"
#include "heap/heaps.h"
#include "heap/sealed_list.h"
#include "heap/size_class.h"
#include "kit/lock.h"

/* Makes the depot of a side heap that begins, before it is anybody's home. Without memory for it
 * batches go to the heap. */
void brkm__depot_begin(const struct heap *heap);

/* Puts a batch of the slot's blocks on the shelf of their heap's depot, or gives it to the heap
 * when that is full. Blocks of several heaps go different ways. */
void brkm__depot_put(unsigned slot, struct cached_list batch);

/* Takes a batch off the slot's shelf in the heap's depot; an empty list when there is none. */
struct cached_list brkm__depot_take(const struct heap *heap, unsigned slot);

/* Gives everything in all depots back to the heaps. True when there was something. */
bool brkm__depot_drain(void);

struct depot_totals {
    size_t blocks;
    size_t bytes;
    uint64_t contended, taken; /* of the shelves' locks */
    size_t own_bytes;          /* from the system for side heaps' depots */
};

struct depot_totals brkm__depot_totals(void);

/* The lock of each shelf in turn, for fork; NULL behind the last. */
struct lock *brkm__depot_lock(unsigned shelf);

#endif
