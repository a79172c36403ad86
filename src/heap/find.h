/* SPDX-License-Identifier: MIT
 * Where a heap finds a block for a request: in its bins; the main heap in the top, by growth and in
 * a fallback region; a side heap in a chunk that it borrows from the main heap. The heap's lock is
 * held by the caller. Each block comes in use, as none of the heap's counters knows yet. */
#ifndef BRKMALLOC_HEAP_FIND_H
#define BRKMALLOC_HEAP_FIND_H

#include "base/base.h"
#include "heap/block.h"
#include "heap/free_space.h"

/* How far a request may go: to what the heap's bins have; to the top and to chunks out of what the
 * main heap has; or for new memory to the system. Callers climb, and give back what caches hold
 * before the last. */
enum heap_growth { HEAP_BINS_ALONE, HEAP_AS_IT_IS, HEAP_MAY_GROW };

/* A block of at least `size` bytes. Stores how many bytes at the start of its payload may be other
 * than zero. */
struct mem_control_block *brkm__find_block(struct heap *heap, size_t size, enum heap_growth growth,
                                           size_t *dirty);

/* The same with the payload aligned to `alignment`, a power of two above 16; the slack before and
 * behind goes back to the heap. */
struct mem_control_block *brkm__find_aligned(struct heap *heap, size_t size, size_t alignment,
                                             enum heap_growth growth, size_t *dirty);

/* A block that fits `size`, made as long as up to `count` blocks where it stands. */
struct mem_control_block *brkm__find_run(struct heap *heap, size_t size, size_t count,
                                         enum heap_growth growth);

#endif
