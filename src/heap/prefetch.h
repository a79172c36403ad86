/* SPDX-License-Identifier: MIT
 * Asks for the memory that coalescing will touch while the processor still has other work.
 *
 * Blocks that come back in no order have their neighbours far apart in memory, and each free
 * neighbour the others of its list: half a dozen cache misses in a row for each block, unless those
 * of several blocks overlap. The steps follow each other, each for all of the blocks, as what one
 * asks for is where the next looks. Nothing is believed here: a prefetch of a wrong address does
 * nothing.
 *
 * All is inline: gcc takes a function that does nothing but to prefetch for one without effect. */
#ifndef BRKMALLOC_HEAP_PREFETCH_H
#define BRKMALLOC_HEAP_PREFETCH_H

#include "base/base.h"
#include "heap/block.h"
#include "heap/regions.h"

/* Step 1: the headers at both ends of `size` bytes that are to be free. */
static BRKM_ALWAYS_INLINE void prefetch_ends(const struct mem_control_block *block, size_t size)
{
    __builtin_prefetch(block_boundary_tag_before(block));
    __builtin_prefetch(block_at_offset(block, size));
}

/* The header and the links of a block in a list, which may lie in two cache lines. NULL, the end of
 * the list, will do. */
static BRKM_ALWAYS_INLINE void prefetch_member(const struct free_block *member)
{
    __builtin_prefetch(member);
    __builtin_prefetch((const void *)((uintptr_t)member + offsetof(struct free_block, previous)));
}

static BRKM_ALWAYS_INLINE void prefetch_list_around(const struct mem_control_block *block)
{
    const struct free_block *free = (const struct free_block *)block;
    prefetch_member(free->next);
    prefetch_member(free->previous);
}

static BRKM_ALWAYS_INLINE const struct mem_control_block *
prefetch_place_before(const struct mem_control_block *block)
{
    return (const void *)((uintptr_t)block - *block_boundary_tag_before(block));
}

/* Step 2: the list and the end of the free block behind, and the header of that in front. */
static BRKM_ALWAYS_INLINE void prefetch_behind(const struct mem_control_block *block, size_t size)
{
    const struct mem_control_block *next = block_at_offset(block, size);
    if (block_is(next, BLOCK_FREE)) {
        prefetch_list_around(next);
        __builtin_prefetch(block_at_offset(next, block_short_size(next)));
    }
    if (block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE)) {
        __builtin_prefetch(prefetch_place_before(block));
    }
}

/* Step 3: the list of the free block in front. */
static BRKM_ALWAYS_INLINE void prefetch_before(const struct mem_control_block *block)
{
    if (block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE)) {
        const struct mem_control_block *previous = prefetch_place_before(block);
        if (regions_window_contains(block_payload(previous))) {
            prefetch_list_around(previous);
        }
    }
}

#endif
