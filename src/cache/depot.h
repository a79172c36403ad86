/* SPDX-License-Identifier: MIT
 * The depot, where thread caches leave and find whole batches of cached blocks.
 *
 * Nobody owns a block here: what a consumer frees comes back to a producer a batch at a time. Each
 * size class has a shelf with a lock of its own; storing and taking a batch is O(1). What is past
 * the bound goes back to the heap, where it coalesces. */
#ifndef BRKMALLOC_CACHE_DEPOT_H
#define BRKMALLOC_CACHE_DEPOT_H

#include "base/base.h"
#include "heap/sealed_list.h"
#include "heap/size_class.h"
#include "kit/lock.h"

/* Puts a batch of the slot's blocks on its shelf, or gives it to the heap when the depot is full.
 */
void brkm__depot_put(unsigned slot, struct cached_list batch);

/* Takes a batch off the slot's shelf; an empty list when there is none. */
struct cached_list brkm__depot_take(unsigned slot);

/* Gives everything back to the heap. True when there was something. */
bool brkm__depot_drain(void);

struct depot_totals {
    size_t blocks;
    size_t bytes;
    uint64_t contended;
};

struct depot_totals brkm__depot_totals(void);

/* The lock of each shelf in turn, for fork; NULL behind the last. */
struct lock *brkm__depot_lock(unsigned shelf);

#endif
