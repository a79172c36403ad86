/* SPDX-License-Identifier: MIT
 * What happens when the thread's cache has no block for a malloc, or no room for a free:
 * refill and flush. */
#ifndef BRKMALLOC_CACHE_CACHE_MISS_H
#define BRKMALLOC_CACHE_CACHE_MISS_H

#include "base/base.h"

struct mem_control_block;

/* There is no fitting block, or the thread has no cache: refills from the depot or the heap.
 * Returns a block in use of at least `size` bytes, a cached block size, whose payload is aligned to
 * `alignment`, or NULL when memory is short. */
struct mem_control_block *brkm__cache_refill(size_t size, size_t alignment);

/* The bin was full or the thread has no cache: makes room and keeps the block, which is in use and
 * verified. */
void brkm__cache_keep(struct mem_control_block *block);

#endif
