/* SPDX-License-Identifier: MIT
 * Layer 8: see heap.h. */
#include "heap.h"

#include "report.h"

struct heap brkm__main_heap;

/* ---- Allocate ---- */

static struct mem_control_block *find_block(struct heap *heap, size_t size, enum heap_growth growth,
                                            size_t *dirty)
{
    *dirty = SIZE_MAX;
    struct mem_control_block *block = brkm__space_take(heap, size);
    if (block == NULL && (brkm__top_available(&heap->top) >= size ||
                          (growth == HEAP_MAY_GROW && brkm__space_grow(heap, size)))) {
        block = brkm__top_carve(&heap->top, size, dirty);
    }
    if (block == NULL && growth == HEAP_MAY_GROW && brkm__space_add_fallback(heap, size)) {
        block = brkm__space_take(heap, size);
    }
    return block;
}

/* `difference` may be the two's complement of a decrease. */
static void change_in_use(struct heap *heap, size_t difference)
{
    size_t now = heap_handed_out(heap) + difference;
    atomic_store_explicit(&heap->in_use_bytes, now, memory_order_relaxed);
    heap->in_use_peak = max_size(heap->in_use_peak, now);
}

static void count_allocation(struct heap *heap, const struct mem_control_block *block)
{
    heap->allocations++;
    heap->in_use_blocks++;
    change_in_use(heap, block_size(block));
}

struct mem_control_block *brkm__heap_allocate(struct heap *heap, size_t size,
                                              enum heap_growth growth, size_t *dirty)
{
    size_t ignored;
    lock_acquire(&heap->lock);
    struct mem_control_block *block =
        find_block(heap, size, growth, dirty != NULL ? dirty : &ignored);
    if (block != NULL) {
        count_allocation(heap, block);
    }
    lock_release(&heap->lock);
    return block;
}

/* Cuts `run`, in use, into blocks of `size` bytes; the last takes what remains. */
static size_t cut_run(struct heap *heap, struct mem_control_block *run, size_t size,
                      struct mem_control_block **blocks)
{
    size_t left = block_size(run);
    size_t count = 0;
    while (left >= 2 * size) {
        block_set(run, size, BLOCK_IN_USE);
        blocks[count++] = run;
        left -= size;
        run = block_at_offset(run, size);
        block_create(run, left, BLOCK_IN_USE);
    }
    blocks[count++] = run;
    for (size_t i = 0; i < count; i++) {
        count_allocation(heap, blocks[i]);
    }
    return count;
}

/* A block that fits `size`, made as long as up to `count` blocks where it stands. */
static struct mem_control_block *find_run(struct heap *heap, size_t size, size_t count,
                                          enum heap_growth growth)
{
    size_t dirty;
    struct mem_control_block *run = brkm__bins_take(&heap->bins, size);
    if (run != NULL) {
        size_t found = block_size(run);
        return brkm__space_use(heap, run, min_size(found / size, count) * size);
    }
    if (growth == HEAP_AS_IT_IS) {
        count = min_size(count, brkm__top_available(&heap->top) / size);
        return count == 0 ? NULL : find_block(heap, count * size, growth, &dirty);
    }
    run = find_block(heap, count * size, growth, &dirty);
    return run != NULL || count == 1 ? run : find_block(heap, size, growth, &dirty);
}

size_t brkm__heap_allocate_batch(struct heap *heap, size_t size, size_t count,
                                 enum heap_growth growth, struct mem_control_block **blocks)
{
    size_t got = 0;
    lock_acquire(&heap->lock);
    while (got < count) {
        struct mem_control_block *run = find_run(heap, size, count - got, growth);
        if (run == NULL) {
            break;
        }
        got += cut_run(heap, run, size, blocks + got);
        /* The system is asked once at most: what there is will do. */
        growth = HEAP_AS_IT_IS;
    }
    lock_release(&heap->lock);
    return got;
}

/* Gives the slack in front of `place` back and returns the block at `place`, in use. */
static struct mem_control_block *cut_lead(struct heap *heap, struct mem_control_block *block,
                                          struct mem_control_block *place)
{
    size_t lead = (uintptr_t)place - (uintptr_t)block;
    if (lead == 0) {
        return block;
    }
    size_t size = block_size(block) - lead;
    block_create(place, size, BLOCK_IN_USE);
    block_set(block, lead, BLOCK_IN_USE);
    brkm__space_coalesce(heap, block, lead, "aligned_alloc");
    return place;
}

struct mem_control_block *brkm__heap_allocate_aligned(struct heap *heap, size_t size,
                                                      size_t alignment, enum heap_growth growth)
{
    size_t dirty;
    lock_acquire(&heap->lock);
    struct mem_control_block *block = brkm__bins_take_aligned(&heap->bins, size, alignment);
    if (block != NULL) {
        brkm__space_use(heap, block, block_size(block));
    } else {
        block = find_block(heap, size + alignment + BRKM_MIN_BLOCK, growth, &dirty);
    }
    if (block != NULL) {
        block = cut_lead(heap, block, block_aligned_place(block, alignment));
        brkm__space_split(heap, block, size, "aligned_alloc");
        count_allocation(heap, block);
    }
    lock_release(&heap->lock);
    return block;
}

/* ---- Free, resize, trim ---- */

/* Frees the range of blocks that were handed out which `first` begins, whose header says its size.
 */
static void free_range(struct heap *heap, struct mem_control_block *first, const char *caller)
{
    size_t size = block_size(first);
    change_in_use(heap, -size);
    struct mem_control_block *block = brkm__space_coalesce(heap, first, size, caller);
    if (block != heap->top.block) {
        brkm__space_keep_one_spare(heap, block);
    }
}

void brkm__heap_free(struct heap *heap, struct mem_control_block *block, const char *caller)
{
    lock_acquire(&heap->lock);
    if (unlikely(block_state(block) != BLOCK_IN_USE)) {
        /* Another thread freed it since the caller looked. */
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){block_payload(block), 0, caller});
    }
    heap->frees++;
    heap->in_use_blocks--;
    free_range(heap, block, caller);
    brkm__space_trim_if_large(heap);
    lock_release(&heap->lock);
}

/* Joins `block` to the range that `first` begins when they are neighbours and returns the range's
 * first block; NULL when they are not, or the range would be too large for a header. */
static struct mem_control_block *join(struct mem_control_block *first,
                                      struct mem_control_block *block)
{
    size_t size = block_short_size(first) + block_short_size(block);
    bool follows = block_next(first) == block;
    if ((!follows && block_next(block) != first) || size > BRKM_MAX_BLOCK) {
        return NULL;
    }
    /* No header that says "in use" may stay inside of a payload. */
    block_set_state(follows ? block : first, BLOCK_FREE);
    first = follows ? first : block;
    block_set(first, size, BLOCK_IN_USE);
    return first;
}

void brkm__heap_free_batch(struct heap *heap, struct mem_control_block *const *blocks, size_t count)
{
    struct mem_control_block *range = NULL;
    lock_acquire(&heap->lock);
    heap->frees += count;
    heap->in_use_blocks -= count;
    for (size_t i = 0; i < count; i++) {
        if (unlikely(block_state(blocks[i]) != BLOCK_CACHED)) {
            brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                        (struct fault_place){block_payload(blocks[i]), 0, "free"});
        }
        /* Batches that were cut as runs come back as runs: coalesced here, they cost one search. */
        struct mem_control_block *joined = range == NULL ? NULL : join(range, blocks[i]);
        if (joined == NULL && range != NULL) {
            free_range(heap, range, "free");
        }
        range = joined != NULL ? joined : blocks[i];
    }
    if (range != NULL) {
        free_range(heap, range, "free");
    }
    brkm__space_trim_if_large(heap);
    lock_release(&heap->lock);
}

/* Takes the free block or the part of the top behind `block` that it needs to reach `size`. */
static bool absorb_behind(struct heap *heap, struct mem_control_block *block, size_t size,
                          const char *caller)
{
    size_t old_size = block_size(block);
    enum block_state state = brkm__space_state_behind(block, caller);
    struct mem_control_block *next = block_next(block);
    if (state == BLOCK_FREE && old_size + block_size(next) >= size) {
        size_t joined = old_size + block_size(next);
        if (joined > BRKM_MAX_BLOCK) {
            return false;
        }
        brkm__bins_remove(&heap->bins, next);
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
    block_set_state(next, BLOCK_FREE);
    block_set(block, old_size + needed, BLOCK_IN_USE);
    return true;
}

bool brkm__heap_resize(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller)
{
    lock_acquire(&heap->lock);
    size_t old_size = block_size(block);
    bool resized = true;
    if (size <= old_size) {
        brkm__space_split(heap, block, size, caller);
    } else {
        resized = absorb_behind(heap, block, size, caller);
    }
    change_in_use(heap, block_size(block) - old_size);
    lock_release(&heap->lock);
    return resized;
}

size_t brkm__heap_trim(struct heap *heap, size_t pad)
{
    lock_acquire(&heap->lock);
    size_t released = brkm__space_trim(heap, pad);
    lock_release(&heap->lock);
    return released;
}
