/* SPDX-License-Identifier: MIT
 * Where blocks come from when the caller's cache has none. Each function goes up the same
 * ladder: what the heap has as it is; then, with what the depot gave back and coalesced, the heap
 * again; last new memory from the system. */
#ifndef BRKMALLOC_CACHE_SUPPLY_H
#define BRKMALLOC_CACHE_SUPPLY_H

#include "base/base.h"
#include "heap/block.h"
#include "heap/sealed_list.h"

/* A block in use of at least `size` bytes, a block size, its payload aligned to `alignment`, a
 * power of two; NULL when memory is short. When `dirty` is not NULL, stores how many bytes at the
 * start of the payload may be other than zero. */
struct mem_control_block *brkm__supply_block(size_t size, size_t alignment, size_t *dirty);

/* A batch of the slot's blocks from the depot, or up to `count` of them from the heap; empty when
 * memory is short. The first payload is aligned to `alignment`, a power of two; where the slot's
 * size is a multiple of that, most are. */
struct cached_list brkm__supply_list(unsigned slot, unsigned count, size_t alignment);

/* Before `more` bytes are asked of the system: past the soft limit, what the depot and the heap can
 * give back goes first. */
void brkm__supply_relieve(size_t more);

#endif
