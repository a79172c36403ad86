/* SPDX-License-Identifier: MIT
 * See idle.h. */
#include "cache/idle.h"

#include <stdatomic.h>

#include "base/config.h"
#include "cache/cache_registry.h"
#include "heap/heap.h"
#include "system/os.h"

/* Bytes by which the threads of one heap may be ahead of the sum that all read: four batches, so
 * that the sum's cache line stays where it is while batches come and go. */
#define UNNOTED_MAX (4 * BRKM_BATCH_BYTES)

struct reserved {
    /* Of all threads, but for what is unnoted. */
    _Alignas(BRKM_CACHE_LINE) _Atomic(size_t) bytes;
    /* By heap: what its threads reserved less what they released, since that was last noted. */
    struct {
        _Alignas(BRKM_CACHE_LINE) _Atomic(ptrdiff_t) bytes;
    } unnoted[BRKM_SIDE_HEAPS_MAX + 1];
};

/* One for each use. Changed by whoever reserves or releases, relaxed: a bound on memory, not on
 * access. */
static struct reserved reserved[2];

/* Of caches and depot together, where so much is always allowed. */
static size_t bound_with(size_t least)
{
    size_t handed_out = heaps_handed_out();
    size_t small = max_size(least, handed_out / BRKM_IDLE_SMALL_SHARE);
    return max_size(min_size(small, BRKM_IDLE_SMALL_MAX), handed_out / BRKM_IDLE_SHARE);
}

size_t brkm__idle_bound(enum idle_use use)
{
    size_t threads = os_is_single_threaded() ? 1 : max_size(brkm__cache_threads(), 1);
    /* What more threads add is for their caches: what lies in the depot is nobody's. */
    size_t in_depot =
        bound_with(min_size(threads, 2) * BRKM_IDLE_PER_THREAD) / BRKM_IDLE_DEPOT_SHARE;
    return use == IDLE_IN_DEPOT ? in_depot : bound_with(threads * BRKM_IDLE_PER_THREAD) - in_depot;
}

static void change(enum idle_use use, unsigned heap, ptrdiff_t bytes)
{
    _Atomic(ptrdiff_t) *unnoted = &reserved[use].unnoted[heap].bytes;
    ptrdiff_t now = atomic_fetch_add_explicit(unnoted, bytes, memory_order_relaxed) + bytes;
    if (unlikely((size_t)now + UNNOTED_MAX > 2 * UNNOTED_MAX)) {
        now = atomic_exchange_explicit(unnoted, 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&reserved[use].bytes, (size_t)now, memory_order_relaxed);
    }
}

/* What is unnoted may have made the sum less than nothing. */
static bool is_within(size_t bytes, size_t bound)
{
    return bytes <= bound || bytes > PTRDIFF_MAX;
}

bool brkm__idle_reserve(enum idle_use use, unsigned heap, size_t bytes)
{
    size_t noted = atomic_load_explicit(&reserved[use].bytes, memory_order_relaxed);
    if (!is_within(noted + bytes, brkm__idle_bound(use))) {
        return false;
    }
    brkm__idle_reserve_always(use, heap, bytes);
    return true;
}

void brkm__idle_reserve_always(enum idle_use use, unsigned heap, size_t bytes)
{
    change(use, heap, (ptrdiff_t)bytes);
}

void brkm__idle_release(enum idle_use use, unsigned heap, size_t bytes)
{
    change(use, heap, -(ptrdiff_t)bytes);
}

void brkm__idle_reset(enum idle_use use, size_t bytes)
{
    for (unsigned i = 0; i <= BRKM_SIDE_HEAPS_MAX; i++) {
        atomic_store_explicit(&reserved[use].unnoted[i].bytes, 0, memory_order_relaxed);
    }
    atomic_store_explicit(&reserved[use].bytes, bytes, memory_order_relaxed);
}
