/* SPDX-License-Identifier: MIT
 * Fallback regions, mapped where sbrk fails. The heap's lock is held by the caller. */
#ifndef BRKMALLOC_HEAP_FALLBACK_H
#define BRKMALLOC_HEAP_FALLBACK_H

#include "base/base.h"
#include "heap/block.h"

/* A region that can hold a block of `size` bytes, `wanted` bytes large if the system has as much.
 * Returns its first block, which spans it and is free by its header, but in no bin; NULL when there
 * is no memory. */
struct mem_control_block *brkm__fallback_add(size_t size, size_t wanted);

/* True when the free `block` spans a whole fallback region. Ends the program when its header says
 * that it begins one, and that is not so. */
bool brkm__fallback_is_whole(const struct mem_control_block *block);

/* `pages`, which are clean, are about to be used. Returns the bytes of those that nobody used
 * before: fresh from the system, not given back to it. */
size_t brkm__fallback_first_use(struct page_range pages);

/* Unmaps the region that the free `block`, which is in no bin any more, spans. */
void brkm__fallback_remove(struct mem_control_block *block);

/* Bytes of the region that `block`, which spans it, lies in. */
static inline size_t fallback_region_bytes(const struct mem_control_block *block)
{
    /* The first header is 8 mod 16, which leaves 8 bytes in front; the fencepost takes 8 behind. */
    return block_size(block) + 2 * BRKM_HEADER_SIZE;
}

#endif
