/* SPDX-License-Identifier: MIT
 * See supply.h. */
#include "cache/supply.h"

#include "cache/depot.h"
#include "cache/home.h"
#include "cache/thread_cache.h"
#include "heap/heaps.h"
#include "kit/footprint.h"
#include "kit/options.h"

/* What waits to be used again as it is can serve other sizes in the heap. */
static void drain(void)
{
    brkm__depot_drain();
    relaxed_load(brkm__cache_keeper)->drain();
}

void brkm__supply_relieve(size_t more)
{
    if (unlikely(brkm__footprint_wants_relief(more)) && brkm__option_get(OPTION_keep_memory) == 0) {
        drain();
        brkm__heaps_trim(0);
    }
}

/* ---- The ladder ---- */

/* Where a request looks: first in the bins of home and of the main heap; then home may borrow a
 * chunk of what the main heap has; then the main heap serves; last with new memory. Home alone,
 * when that is the main heap. */
struct rung {
    struct heap *heap;
    enum heap_growth growth;
    bool leaves_holes; /* passes the main heap by, while home may get something otherwise */
};

/* While the main heap has few holes they are left to it: threads that both take them pass the cache
 * lines of what they free on to each other. For large blocks they are lent as chunks, or the
 * threads would go on to meet at its lock. Below a limit nothing is left. */
static bool leaves_holes(size_t bytes)
{
    size_t few = BRKM_HOLES_LEFT_MIN + heaps_handed_out() / BRKM_HOLES_LEFT_SHARE;
    return (bytes > BRKM_CACHED_MAX || relaxed_load(brkm__main_heap.bins.bytes) <= few) &&
           brkm__option_get(OPTION_limit_hard) == 0;
}

static struct rung lowest_rung(struct heap *home)
{
    return (struct rung){home, heap_is_side(home) ? HEAP_BINS_ALONE : HEAP_AS_IT_IS, false};
}

static void prepare_growth(size_t bytes)
{
    drain();
    brkm__heaps_return_chunks();
    brkm__supply_relieve(bytes);
}

/* To the next rung, for `bytes`; false on the last. */
static BRKM_COLD bool climb(struct rung *rung, struct heap *home, size_t bytes)
{
    if (rung->growth == HEAP_BINS_ALONE && heap_is_side(rung->heap)) {
        rung->leaves_holes = leaves_holes(bytes);
    }
    if (heap_is_side(rung->heap) && !(rung->leaves_holes && rung->growth != HEAP_MAY_GROW)) {
        rung->heap = &brkm__main_heap;
        return true;
    }
    if (rung->growth == HEAP_MAY_GROW) {
        return false;
    }
    *rung = (struct rung){home, rung->growth + 1, rung->leaves_holes};
    if (rung->growth == HEAP_MAY_GROW) {
        prepare_growth(bytes);
    }
    return true;
}

/* ---- One block ---- */

static struct mem_control_block *block_on(const struct rung *rung, size_t size, size_t alignment,
                                          size_t *dirty)
{
    if (alignment <= BRKM_ALIGNMENT) {
        return brkm__heap_allocate(rung->heap, size, rung->growth, dirty);
    }
    if (dirty != NULL) {
        *dirty = SIZE_MAX;
    }
    return brkm__heap_allocate_aligned(rung->heap, size, alignment, rung->growth);
}

struct mem_control_block *brkm__supply_block(size_t size, size_t alignment, size_t *dirty)
{
    struct heap *home = brkm__home(size + (alignment > BRKM_ALIGNMENT ? alignment : 0));
    struct rung rung = lowest_rung(home);
    struct mem_control_block *block;
    do {
        block = block_on(&rung, size, alignment, dirty);
    } while (unlikely(block == NULL) && climb(&rung, home, size));
    return block;
}

/* ---- Several ---- */

static struct cached_list take_batch(const struct heap *home, unsigned slot, size_t alignment)
{
    struct cached_list batch = brkm__depot_take(home, slot);
    if (batch.count != 0 && (uintptr_t)batch.first % alignment != 0) {
        brkm__depot_put(slot, batch);
        return cached_list_empty();
    }
    return batch;
}

struct cached_list brkm__supply_list(unsigned slot, unsigned count, size_t alignment)
{
    size_t size = size_class_slot_size(slot);
    struct heap *home = brkm__home(size);
    struct rung rung = lowest_rung(home);
    struct cached_list list = take_batch(home, slot, alignment);
    while (list.count == 0) {
        list = brkm__heap_allocate_list(rung.heap, size, count, alignment, rung.growth);
        if (unlikely(list.count == 0) && !climb(&rung, home, size * count)) {
            break;
        }
    }
    return list;
}
