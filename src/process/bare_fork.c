/* SPDX-License-Identifier: MIT
 * See bare_fork.h. */
#include "process/bare_fork.h"

#include <string.h>

#include "heap/heaps.h"
#include "heap/regions.h"
#include "kit/footprint.h"
#include "kit/lock.h"
#include "kit/wiped.h"
#include "process/locks.h"
#include "system/os.h"

/* ---- The heap ---- */

/* Regions that another thread had noted as longer than they are end at the break. */
static void abandon_regions(void)
{
    uintptr_t now = (uintptr_t)brkm__os_sbrk(0);
    struct region *region = NULL;
    while ((region = brkm__regions_next(region)) != NULL) {
        if (region->kind == REGION_BREAK && region->end > now && now > (uintptr_t)region->first) {
            brkm__regions_move_end(region, align_down(now, BRKM_ALIGNMENT));
        }
        region->kind = REGION_ABANDONED;
    }
}

/* A block in use of an abandoned region is freed: its pages go, as far as they are its alone. Its
 * neighbours are not looked at. It says "cached", in no list: it is a boundary still. */
static void leave_freed(struct mem_control_block *block)
{
    struct page_range pages =
        block_inner_pages(block, block_short_size(block), brkm__os_page_size());
    block_change_state(block, BLOCK_IN_USE, BLOCK_CACHED);
    if (page_range_bytes(pages) != 0) {
        brkm__footprint_discard((void *)pages.start, page_range_bytes(pages));
    }
}

static bool leave(struct mem_control_block *block, bool is_freed)
{
    bool is_abandoned = regions_is_abandoned(block);
    if (is_abandoned && is_freed) {
        leave_freed(block);
    }
    return is_abandoned;
}

static void empty_heap(struct heap *heap)
{
    memset(&heap->top, 0, sizeof(heap->top));
    memset(&heap->bins, 0, sizeof(heap->bins));
    memset(&heap->purge, 0, sizeof(heap->purge));
    heap->spare = NULL;
    heap->trimmed = 0;
    heap->fallback_bytes = heap->fallback_peak = 0;
    heap->in_use_bytes = heap->in_use_blocks = heap->in_use_peak = heap->noted_bytes = 0;
    heap->chunk_bytes = 0;
    heap->leave = leave;
}

/* One heap whose holder is gone takes the others with it: they share regions. */
void brkm__bare_fork_abandon_heaps(void)
{
    size_t bytes = heap_bytes_from_system(&brkm__main_heap);
    abandon_regions();
    brkm__chunks_abandon();
    for (unsigned i = 0; i <= relaxed_load(brkm__side_heaps_used); i++) {
        empty_heap(heap_numbered(i));
    }
    atomic_store_explicit(&brkm__handed_out, 0, memory_order_relaxed);
    brkm__main_heap.abandoned_bytes += bytes;
}

/* ---- All of it, once ---- */

/* Stands in the mark's place while somebody settles. */
#define SETTLING LOCK_AWAITED

/* A lock that was taken while libc knew of one thread only has no number: its holder is this
 * thread, at an earlier point which a signal interrupted. */
static bool is_orphaned(const struct lock *lock)
{
    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) >= LOCK_NUMBER;
}

/* May begin again where another such fork interrupts it. */
static void settle_row(const struct lock_row *row)
{
    if (is_orphaned(row->lock)) {
        if (row->settle != NULL) {
            row->settle();
        }
        lock_reset(row->lock);
    }
}

/* The mark of this process, unlike its parent's. */
static uint32_t next_mark(void)
{
    static uint32_t number = LOCK_NUMBER; /* of the last mark; written by who settles */
    do {
        number += LOCK_NUMBER;
    } while (number == 0);
    return number | LOCK_TAKEN;
}

static void settle(void)
{
    uint32_t *mark = &wiped_words()->lock_mark;
    uint32_t found = 0;
    if (__atomic_compare_exchange_n(mark, &found, SETTLING, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
        brkm__locks_each(settle_row);
        __atomic_store_n(mark, next_mark(), __ATOMIC_RELEASE);
    } else {
        while (__atomic_load_n(mark, __ATOMIC_ACQUIRE) == SETTLING) {
            brkm__os_wait(mark, SETTLING);
        }
    }
    /* Who was woken wakes the next. */
    brkm__os_wake_one(mark);
}

void brkm__bare_fork_begin(void)
{
    brkm__lock_settle = settle;
    brkm__wiped_begin();
}
