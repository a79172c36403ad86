/* SPDX-License-Identifier: MIT
 * See idle.h. */
#include "cache/idle.h"

#include <stdatomic.h>

#include "base/config.h"
#include "heap/heap.h"
#include "system/os.h"

/* One for each use, apart from everything that changes more often. */
static struct {
    /* Bytes reserved. Changed by whoever reserves or releases, relaxed: a bound on memory, not on
     * access. */
    _Alignas(BRKM_CACHE_LINE) _Atomic(size_t) bytes;
} reserved[2];

/* Of caches and depot together. */
static size_t bound_of_all(void)
{
    size_t handed_out = heaps_handed_out();
    size_t least = os_is_single_threaded() ? BRKM_IDLE_MIN_ALONE : BRKM_IDLE_MIN;
    size_t small = min_size(handed_out / BRKM_IDLE_SMALL_SHARE, BRKM_IDLE_SMALL_MAX);
    return max_size(max_size(least, small), handed_out / BRKM_IDLE_SHARE);
}

size_t brkm__idle_bound(enum idle_use use)
{
    size_t all = bound_of_all();
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
