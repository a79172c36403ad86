/* SPDX-License-Identifier: MIT
 * See slices.h. */
#include "stats/slices.h"

#include "heap/rows.h"
#include "system/os.h"

/* Blocks from mark to mark. */
#define MARK_BLOCKS (SLICE_BLOCKS / SLICE_MARKS)

/* Milliseconds for which the heap is left to those who waited for it. */
#define REST_MS 1

/* ---- Locks ---- */

void brkm__slices_lock(void)
{
    lock_acquire(&brkm__rows_lock);
    brkm__heaps_acquire();
}

void brkm__slices_unlock(void)
{
    brkm__heaps_release();
    lock_release(&brkm__rows_lock);
}

/* Whoever waits would find the lock taken again before he is awake. */
static void unlock_and_rest(void)
{
    uint32_t nobody_wakes = 0;
    bool is_awaited = brkm__heaps_are_awaited() || lock_is_awaited(&brkm__rows_lock);
    brkm__slices_unlock();
    if (is_awaited) {
        brkm__os_wait_at_most(&nobody_wakes, 0, REST_MS);
    }
}

/* ---- Where to go on ---- */

static bool can_follow(enum block_state state)
{
    return block_state_is_in_use(state) || state == BLOCK_CACHED || state == BLOCK_FREE ||
           state == BLOCK_ROW || state == BLOCK_CHUNK_EDGE;
}

static bool contains(const struct region *region, const struct mem_control_block *block)
{
    uintptr_t address = (uintptr_t)block;
    uintptr_t end = region->end;
    return address >= (uintptr_t)region->first && end > BRKM_MIN_BLOCK &&
           address <= end - BRKM_MIN_BLOCK && region->kind != REGION_ABANDONED;
}

bool brkm__walk_stand_at(struct walk *walk, const struct region *region,
                         const struct mem_control_block *block)
{
    if (!contains(region, block)) {
        return false;
    }
    *walk = (struct walk){region, block, block_state(block), 0};
    walk->size = can_follow(walk->state) ? block_size(block) : 0;
    return walk->size >= BRKM_MIN_BLOCK && walk->size < region->end - (uintptr_t)block;
}

static void mark(struct slices *slices, const struct mem_control_block *block)
{
    slices->marks[slices->marks_made++ % SLICE_MARKS] = block;
}

/* No header lies inside a block's payload (I5): a mark that is good is the header of a block, and
 * those behind it follow from it. Where none is left, the region is gone through once more. */
static struct walk go_on(const struct slices *slices)
{
    struct walk walk = {.region = slices->region};
    size_t marks = min_size(slices->marks_made, SLICE_MARKS);
    for (size_t i = 1; i <= marks; i++) {
        const struct mem_control_block *block =
            slices->marks[(slices->marks_made - i) % SLICE_MARKS];
        if (brkm__walk_stand_at(&walk, slices->region, block)) {
            return walk;
        }
    }
    if (slices->region != NULL &&
        !brkm__walk_stand_at(&walk, slices->region, slices->region->first)) {
        /* The region is gone, or a mere top: its next is next. */
        walk = (struct walk){.region = slices->region, .state = BLOCK_TOP};
    }
    return walk;
}

/* ---- A slice ---- */

static void enter_region(struct slices *slices, const struct region *region)
{
    slices->region = region;
    slices->seen_to = 0;
    slices->marks_made = 0;
}

static bool look_at_some(struct slices *slices, struct walk *walk,
                         void (*see)(void *context, const struct walk *at), void *context)
{
    for (unsigned i = 1; i <= SLICE_BLOCKS; i++) {
        if (!brkm__walk_step(walk)) {
            return false;
        }
        if (walk->region != slices->region) {
            enter_region(slices, walk->region);
        }
        if (i % MARK_BLOCKS == 0) {
            mark(slices, walk->block);
        }
        if ((uintptr_t)walk->block >= slices->seen_to) {
            see(context, walk);
            slices->seen_to = (uintptr_t)walk->block + max_size(walk->size, 1);
        }
    }
    return true;
}

bool brkm__slices_next(struct slices *slices, void (*see)(void *context, const struct walk *at),
                       void *context)
{
    brkm__slices_lock();
    struct walk walk = go_on(slices);
    bool more = look_at_some(slices, &walk, see, context);
    unlock_and_rest();
    return more;
}
