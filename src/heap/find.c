/* SPDX-License-Identifier: MIT
 * See find.h. */
#include "heap/find.h"

#include "heap/chunks.h"
#include "heap/heaps.h"

/* ---- Chunks ---- */

/* Bytes of a chunk with room for a block of `size`. */
static size_t chunk_bytes_for(size_t size)
{
    return align_up(size + 2 * BRKM_MIN_BLOCK, BRKM_CHUNK_GRANULE);
}

/* Takes the main heap's lock, with the borrower's held. */
static struct chunk_space lend(unsigned number, size_t bytes, enum heap_growth growth)
{
    struct heap *lender = &brkm__main_heap;
    struct chunk_space space = {0};
    size_t dirty;
    lock_acquire(&lender->lock);
    struct mem_control_block *block =
        brkm__find_aligned(lender, bytes, BRKM_CHUNK_GRANULE, growth, &dirty);
    if (block != NULL && brkm__chunk_open(block, number, bytes, dirty, &space)) {
        lender->chunk_bytes += bytes;
    } else if (block != NULL) {
        brkm__space_free(lender, block, block_size(block), "malloc");
    }
    brkm__space_return_memory(lender);
    lock_release(&lender->lock);
    return space;
}

static bool borrow(struct heap *heap, size_t size, enum heap_growth growth)
{
    size_t needed = chunk_bytes_for(size);
    size_t share = align_up(heap->chunk_bytes / BRKM_CHUNK_SHARE, BRKM_CHUNK_GRANULE);
    size_t wanted = max_size(min_size(max_size(share, BRKM_CHUNK_MIN), BRKM_CHUNK_MAX), needed);
    /* A large block has a chunk to itself at first: what it leaves is room for the next ones. */
    wanted = size > BRKM_CACHED_MAX ? needed : wanted;
    struct chunk_space space = lend(heap_number(heap), wanted, growth);
    if (space.block == NULL && wanted > needed) {
        space = lend(heap_number(heap), needed, growth);
    }
    if (space.block == NULL) {
        return false;
    }
    heap->chunk_bytes += space.chunk_bytes;
    brkm__space_add(heap, space.block, space.size, space.clean);
    return true;
}

/* ---- One block ---- */

/* What the bins do not have; the main heap's ways. */
static struct mem_control_block *find_new(struct heap *heap, size_t size, enum heap_growth growth,
                                          size_t *dirty)
{
    bool may_grow = growth == HEAP_MAY_GROW;
    if (brkm__top_available(&heap->top) >= size || (may_grow && brkm__space_grow(heap, size))) {
        return brkm__top_carve(&heap->top, size, dirty);
    }
    return may_grow && brkm__space_add_fallback(heap, size) ? brkm__space_take(heap, size, dirty)
                                                            : NULL;
}

struct mem_control_block *brkm__find_block(struct heap *heap, size_t size, enum heap_growth growth,
                                           size_t *dirty)
{
    *dirty = SIZE_MAX;
    struct mem_control_block *block = brkm__space_take(heap, size, dirty);
    if (likely(block != NULL) || growth == HEAP_BINS_ALONE) {
        return block;
    }
    if (heap_is_side(heap)) {
        return borrow(heap, size, growth) ? brkm__space_take(heap, size, dirty) : NULL;
    }
    return find_new(heap, size, growth, dirty);
}

struct mem_control_block *brkm__find_aligned(struct heap *heap, size_t size, size_t alignment,
                                             enum heap_growth growth, size_t *dirty)
{
    *dirty = SIZE_MAX;
    struct mem_control_block *block = brkm__bins_take_aligned(&heap->bins, size, alignment);
    if (block != NULL) {
        brkm__space_use(heap, block, block_size(block));
    } else {
        block = brkm__find_block(heap, size + alignment + BRKM_MIN_BLOCK, growth, dirty);
    }
    if (block != NULL) {
        struct mem_control_block *place = block_aligned_place(block, alignment);
        size_t lead = (uintptr_t)place - (uintptr_t)block;
        *dirty = *dirty == SIZE_MAX ? SIZE_MAX : *dirty - min_size(*dirty, lead);
        block = brkm__space_cut_lead(heap, block, place);
        brkm__space_split(heap, block, size, "aligned_alloc");
    }
    return block;
}

/* ---- Several ---- */

struct mem_control_block *brkm__find_run(struct heap *heap, size_t size, size_t count,
                                         enum heap_growth growth)
{
    size_t dirty;
    struct mem_control_block *run = brkm__bins_take(&heap->bins, size);
    if (run != NULL) {
        size_t found = block_size(run);
        return brkm__space_use(heap, run,
                               found >= count * size ? count * size : found / size * size);
    }
    if (growth == HEAP_BINS_ALONE) {
        return NULL;
    }
    if (growth == HEAP_AS_IT_IS && !heap_is_side(heap)) {
        count = min_size(count, brkm__top_available(&heap->top) / size);
        return count == 0 ? NULL : brkm__find_block(heap, count * size, growth, &dirty);
    }
    run = brkm__find_block(heap, count * size, growth, &dirty);
    return run != NULL || count == 1 ? run : brkm__find_block(heap, size, growth, &dirty);
}
