/* SPDX-License-Identifier: MIT
 * See heap.h. */
#include "heap/heap.h"

#include <string.h>

#include "base/facts.h"
#include "base/probes.h"
#include "heap/chunks.h"
#include "heap/find.h"
#include "heap/heaps.h"
#include "heap/regions.h"
#include "heap/spare.h"
#include "kit/footprint.h"
#include "kit/huge_pages.h"
#include "kit/report.h"
#include "system/os.h"

struct heap brkm__main_heap;
_Atomic(size_t) brkm__handed_out;

/* ---- Begin and end of each operation ---- */

static void leave(struct heap *heap)
{
    brkm_assert_heavy(brkm__heaps_are_sound(heap), "I1 to I8 hold after each operation");
    lock_release(&heap->lock);
}

/* After what may have made memory free. */
static void leave_after_free(struct heap *heap)
{
    brkm__space_return_memory(heap);
    leave(heap);
}

/* ---- Allocate ---- */

/* `difference` may be the two's complement of a decrease. */
static void change_in_use(struct heap *heap, size_t difference)
{
    size_t now = heap->in_use_bytes + difference;
    heap->in_use_bytes = now;
    heap->in_use_peak = max_size(heap->in_use_peak, now);
    if (unlikely(now - heap->noted_bytes + BRKM_HANDED_OUT_STEP > 2 * BRKM_HANDED_OUT_STEP)) {
        atomic_fetch_add_explicit(&brkm__handed_out, now - heap->noted_bytes, memory_order_relaxed);
        heap->noted_bytes = now;
    }
}

static void count_allocation(struct heap *heap, size_t blocks, size_t bytes)
{
    heap->allocations += blocks;
    heap->in_use_blocks += blocks;
    change_in_use(heap, bytes);
}

struct mem_control_block *brkm__heap_allocate(struct heap *heap, size_t size,
                                              enum heap_growth growth, size_t *dirty)
{
    size_t ignored;
    lock_acquire(&heap->lock);
    struct mem_control_block *block =
        brkm__find_block(heap, size, growth, dirty != NULL ? dirty : &ignored);
    if (block != NULL) {
        count_allocation(heap, 1, block_short_size(block));
    }
    leave(heap);
    return block;
}

/* Makes `run`, in use, a row of cached blocks of `size` bytes before the list; the last of
 * them takes what remains. */
static void cut_run(struct heap *heap, struct mem_control_block *run, size_t size,
                    struct cached_list *list)
{
    size_t bytes = block_size(run);
    unsigned count = (unsigned)(bytes / size);
    struct mem_control_block *block = run;
    annotate_forgotten(block_payload(run), bytes - BRKM_HEADER_SIZE);
    block_set(run, count == 1 ? bytes : size, BLOCK_CACHED);
    for (unsigned i = 1; i < count; i++) {
        struct mem_control_block *next = block_at_offset(block, size);
        block_create_behind(block, size);
        cached_link_set(block_payload(block), block_payload(next));
        block = next;
    }
    if (count > 1) {
        block_set(block, bytes - (count - 1) * size, BLOCK_CACHED);
    }
    cached_link_set(block_payload(block), list->first);
    list->first = block_payload(run);
    list->count += count;
    count_allocation(heap, count, bytes);
}

struct mem_control_block *brkm__heap_allocate_aligned(struct heap *heap, size_t size,
                                                      size_t alignment, enum heap_growth growth)
{
    size_t ignored;
    lock_acquire(&heap->lock);
    struct mem_control_block *block = brkm__find_aligned(heap, size, alignment, growth, &ignored);
    if (block != NULL) {
        count_allocation(heap, 1, block_short_size(block));
    }
    leave_after_free(heap);
    return block;
}

struct cached_list brkm__heap_allocate_list(struct heap *heap, size_t size, unsigned count,
                                            size_t alignment, enum heap_growth growth)
{
    struct cached_list list = cached_list_empty();
    size_t ignored;
    lock_acquire(&heap->lock);
    while (list.count < count) {
        struct mem_control_block *run =
            alignment > BRKM_ALIGNMENT
                ? brkm__find_aligned(heap, size * count, alignment, growth, &ignored)
                : brkm__find_run(heap, size, count - list.count, growth);
        if (run == NULL) {
            break;
        }
        cut_run(heap, run, size, &list);
        /* The system is asked once at most: what there is will do. */
        growth = growth == HEAP_MAY_GROW ? HEAP_AS_IT_IS : growth;
    }
    if (alignment > BRKM_ALIGNMENT) {
        brkm__space_return_memory(heap);
    }
    leave(heap);
    return list;
}

/* ---- Free ---- */

/* True where the block is none of the heap's any more, and stays where it is. */
static bool is_left(const struct heap *heap, struct mem_control_block *block, bool is_freed)
{
    return unlikely(heap->leave != NULL) && heap->leave(block, is_freed);
}

/* False when another thread freed it, by mistake, since the caller looked; its chunk may be another
 * heap's by then. */
static bool is_still_in_use(const struct heap *heap, const struct mem_control_block *block)
{
    return likely(block_is(block, BLOCK_IN_USE)) && likely(heap_of(block) == heap);
}

static _Noreturn BRKM_COLD void report_freed(const struct mem_control_block *block,
                                             enum fault fault, const char *caller)
{
    brkm__fatal(fault, (struct fault_place){block_payload(block), 0, caller});
}

static void free_in_use(struct heap *heap, struct mem_control_block *block, const char *caller)
{
    size_t size = block_short_size(block);
    heap->frees++;
    heap->in_use_blocks--;
    change_in_use(heap, -size);
    brkm__space_free(heap, block, size, caller);
}

void brkm__heap_free(struct heap *heap, struct mem_control_block *block, const char *caller)
{
    lock_acquire(&heap->lock);
    if (unlikely(!is_still_in_use(heap, block))) {
        report_freed(block, FAULT_DOUBLE_FREE, caller);
    }
    if (!is_left(heap, block, true)) {
        free_in_use(heap, block, caller);
    }
    leave_after_free(heap);
}

/* The first block of the list, as a range. Cached blocks have small seals. */
static struct free_range pop_verified(struct cached_list *list)
{
    struct mem_control_block *block = cached_list_pop(list);
    size_t size = block_short_size(block);
    if (unlikely(block_load_seal(block) != block_small_seal_for(block, size, BLOCK_CACHED) ||
                 size > BLOCK_SMALL_SEAL_MAX)) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){block_payload(block), 0, "free"});
    }
    return (struct free_range){block, size};
}

/* Adds a block at either end of the range, where it is a neighbour. No header that says "cached"
 * may stay inside of a payload. */
static bool join(struct free_range *range, struct free_range block)
{
    if (block_at_offset(range->first, range->size) == block.first) {
        block_change_state(block.first, BLOCK_CACHED, BLOCK_GONE);
    } else if (block_at_offset(block.first, block.size) == range->first) {
        block_change_state(range->first, BLOCK_CACHED, BLOCK_GONE);
        range->first = block.first;
    } else {
        return false;
    }
    range->size += block.size;
    return true;
}

/* Ranges whose cache misses overlap: about as many as a processor has under way at a time. */
#define RANGES_MOST 16u

static void free_ranges(struct heap *heap, const struct free_range *ranges, unsigned count)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += ranges[i].size;
    }
    change_in_use(heap, -bytes);
    brkm__space_free_ranges(heap, ranges, count);
}

/* Blocks that were cut as runs come back as runs: coalesced here, they cost one search. */
struct cached_list brkm__heap_free_list(struct heap *heap, struct cached_list list)
{
    struct cached_list others = cached_list_empty();
    unsigned number = heap_number(heap);
    struct free_range ranges[RANGES_MOST];
    unsigned count = 0;
    unsigned freed = 0;
    lock_acquire(&heap->lock);
    while (list.count > 0) {
        struct free_range block = pop_verified(&list);
        if (unlikely(chunk_heap_number(block_payload(block.first)) != number)) {
            brkm__cached_list_push(&others, block.first);
            continue;
        }
        if (is_left(heap, block.first, false)) {
            continue;
        }
        freed++;
        if (count != 0 && join(&ranges[count - 1], block)) {
            continue;
        }
        if (count == RANGES_MOST) {
            free_ranges(heap, ranges, count);
            count = 0;
        }
        space_prefetch_ends(block.first, block.size);
        ranges[count++] = block;
    }
    free_ranges(heap, ranges, count);
    heap->frees += freed;
    heap->in_use_blocks -= freed;
    leave_after_free(heap);
    return others;
}

/* ---- Resize, trim ---- */

/* Takes the free block or the part of the top after `block` that it needs to reach `size`. */
static bool absorb_next(struct heap *heap, struct mem_control_block *block, size_t size,
                        const char *caller)
{
    size_t old_size = block_size(block);
    enum block_state state = brkm__space_state_after(block, caller);
    struct mem_control_block *next = block_next(block);
    if (state == BLOCK_FREE && old_size + block_size(next) >= size) {
        size_t joined = old_size + block_size(next);
        if (joined > BRKM_MAX_BLOCK) {
            return false;
        }
        brkm__space_take_out(heap, next, block_size(next));
        brkm__space_begin_use(block, joined);
        brkm__space_split(heap, block, size, caller);
        return true;
    }
    if (state != BLOCK_TOP) {
        return false;
    }
    size_t needed = max_size(size - old_size, BRKM_MIN_BLOCK);
    if (brkm__top_available(&heap->top) < needed && !brkm__space_grow(heap, needed)) {
        return false;
    }
    if (heap->top.block != next) {
        return false; /* a foreign break lay in between */
    }
    size_t dirty;
    brkm__top_carve(&heap->top, needed, &dirty);
    /* No header that says "in use" may stay inside of a payload. */
    block_set_state(next, BLOCK_GONE);
    block_set(block, old_size + needed, BLOCK_IN_USE);
    return true;
}

static bool resize(struct heap *heap, struct mem_control_block *block, size_t size,
                   const char *caller)
{
    size_t old_size = block_size(block);
    bool resized = true;
    if (size <= old_size) {
        brkm__space_split(heap, block, size, caller);
    } else {
        resized = absorb_next(heap, block, size, caller);
    }
    change_in_use(heap, block_size(block) - old_size);
    return resized;
}

bool brkm__heap_resize(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller)
{
    lock_acquire(&heap->lock);
    if (unlikely(!is_still_in_use(heap, block))) {
        report_freed(block, FAULT_USE_AFTER_FREE, caller);
    }
    bool resized = !is_left(heap, block, false) && resize(heap, block, size, caller);
    leave_after_free(heap);
    return resized;
}

size_t brkm__heap_trim(struct heap *heap, size_t pad)
{
    lock_acquire(&heap->lock);
    size_t released = brkm__space_trim(heap, pad);
    leave(heap);
    return released;
}

void brkm__heap_return_chunks(struct heap *heap)
{
    lock_acquire(&heap->lock);
    brkm__spare_return(heap);
    leave(heap);
}

void brkm__heap_advise(struct heap *heap)
{
    lock_acquire(&heap->lock);
    struct region *region = NULL;
    while ((region = brkm__regions_next(region)) != NULL) {
        brkm__huge_pages_advise((void *)region->start, region->end - region->start);
    }
    lock_release(&heap->lock);
}

/* ---- Decay ---- */

struct heap_look brkm__heap_look(struct heap *heap)
{
    lock_acquire(&heap->lock);
    struct heap_look look = {
        .calls = heap->allocations + heap->frees,
        .dirty = purge_dirty(&heap->bins, &heap->top),
        .regretted = brkm__purge_is_regretted(&heap->purge),
    };
    lock_release(&heap->lock);
    return look;
}

size_t brkm__heap_decay(struct heap *heap, size_t keep, bool *finished)
{
    lock_acquire(&heap->lock);
    size_t released = brkm__space_decay(heap, keep);
    *finished = !lock_is_awaited(&heap->lock);
    leave(heap);
    return released;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("heap", &brkm__main_heap),
    FACT_ADDRESS("side heaps", brkm__side_heaps),
    FACT_ADDRESS("side heaps used", &brkm__side_heaps_used),
    FACT_SIZE(heap),
    FACT_OFFSET(heap, lock),
    FACT_OFFSET(heap, top),
    FACT_OFFSET(heap, bins),
    FACT_OFFSET(heap, in_use_bytes),
    FACT_OFFSET(heap, in_use_blocks),
    FACT_OFFSET(heap, fallback_bytes),
    FACT_OFFSET(lock, word),
    FACT_OFFSET(top, block),
    FACT_OFFSET(top, end),
    FACT_OFFSET(top, zero_from),
    FACT_OFFSET(top, from_system),
};
