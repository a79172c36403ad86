/* SPDX-License-Identifier: MIT
 * Layer 9: see idle.h. */
#include "idle.h"

#include <stdatomic.h>

#include "config.h"
#include "heap.h"

/* One for each use, apart from everything that changes more often. */
static struct {
    /* Bytes reserved. Changed by whoever reserves or releases, relaxed: a bound on memory, not on
     * access. */
    _Alignas(BRKM_CACHE_LINE) _Atomic(size_t) bytes;
} reserved[2];

size_t brkm__idle_bound(enum idle_use use)
{
    size_t all = max_size(BRKM_IDLE_MIN, heap_handed_out(&brkm__main_heap) / BRKM_IDLE_SHARE);
    size_t in_depot = all / BRKM_IDLE_DEPOT_SHARE;
    return use == IDLE_IN_DEPOT ? in_depot : all - in_depot;
}

bool brkm__idle_reserve(enum idle_use use, size_t bytes)
{
    if (atomic_load_explicit(&reserved[use].bytes, memory_order_relaxed) + bytes >
        brkm__idle_bound(use)) {
        return false;
    }
    brkm__idle_reserve_always(use, bytes);
    return true;
}

void brkm__idle_reserve_always(enum idle_use use, size_t bytes)
{
    atomic_fetch_add_explicit(&reserved[use].bytes, bytes, memory_order_relaxed);
}

void brkm__idle_release(enum idle_use use, size_t bytes)
{
    atomic_fetch_sub_explicit(&reserved[use].bytes, bytes, memory_order_relaxed);
}

void brkm__idle_reset(enum idle_use use, size_t bytes)
{
    atomic_store_explicit(&reserved[use].bytes, bytes, memory_order_relaxed);
}
