/* SPDX-License-Identifier: MIT
 * See spare.h. */
#include "heap/spare.h"

#include "heap/chunks.h"
#include "heap/heaps.h"
#include "heap/regions.h"

/* ---- Fallback regions, of the main heap ---- */

static size_t remove_fallback_region(struct heap *heap, struct mem_control_block *block)
{
    size_t bytes = regions_spanned_bytes(block);
    brkm__bins_remove(&heap->bins, block, block_size(block));
    brkm__regions_unmap(block);
    heap->fallback_bytes -= bytes;
    return bytes;
}

/* `block`, which is free, begins a region. When it spans it, the larger of it and the spare goes.
 */
static void keep_one_spare(struct heap *heap, struct mem_control_block *block)
{
    if (!brkm__regions_is_whole(block)) {
        return;
    }
    struct mem_control_block *spare = heap->spare;
    heap->spare = block;
    if (spare != NULL && spare != block && brkm__purge_keeps() != SIZE_MAX) {
        bool spare_is_larger = block_size(spare) > block_size(block);
        heap->spare = spare_is_larger ? block : spare;
        remove_fallback_region(heap, spare_is_larger ? spare : block);
    }
}

/* ---- Chunks, of side heaps ---- */

static void return_chunk(struct heap *heap, struct mem_control_block *block)
{
    brkm__bins_remove(&heap->bins, block, block_size(block));
    heap->chunk_bytes -= brkm__chunk_return(block);
}

/* `block`, which is free, begins a chunk. When it spans it and enough is free without, it goes. */
static void keep_few_chunks(struct heap *heap, struct mem_control_block *block)
{
    if (brkm__chunk_is_whole(block) &&
        heap->bins.bytes - block_size(block) > heap->in_use_bytes / BRKM_CHUNK_FREE_SHARE) {
        return_chunk(heap, block);
    }
}

void brkm__spare_look(struct heap *heap, struct mem_control_block *block)
{
    if (heap_is_side(heap)) {
        keep_few_chunks(heap, block);
    } else {
        keep_one_spare(heap, block);
    }
}

size_t brkm__spare_return(struct heap *heap)
{
    struct mem_control_block *block = NULL;
    while (heap_is_side(heap) && (block = brkm__chunks_next(heap_number(heap), block)) != NULL) {
        if (block_is(block, BLOCK_FREE) && brkm__chunk_is_whole(block)) {
            return_chunk(heap, block);
        }
    }
    struct mem_control_block *spare = heap->spare;
    heap->spare = NULL;
    return spare == NULL ? 0 : remove_fallback_region(heap, spare);
}
