/* SPDX-License-Identifier: MIT
 * Layer 7: the heap: bins and top under one lock. Splits, coalesces, resizes in place, and gets
 * memory from the break or, where that fails, from fallback regions.
 *
 * Blocks go in and out by their headers. What comes in was verified by the caller as in use; what
 * the heap meets on the way (neighbours, links, tags) it verifies itself. Every function takes the
 * heap's lock. */
#ifndef BRKMALLOC_HEAP_H
#define BRKMALLOC_HEAP_H

#include <stdatomic.h>

#include "base.h"
#include "bins.h"
#include "block.h"
#include "lock.h"
#include "top.h"

/* All zero is an empty heap. Everything is written under the lock. */
struct heap {
    struct lock lock;
    struct top top;
    struct bins bins;
    /* A fallback region that is free as a whole is kept here, in the bins too, so that a program
     * that allocates and frees at the edge of one does not map and unmap it each time. */
    struct mem_control_block *spare;
    size_t fallback_bytes; /* of all fallback regions */
    size_t fallback_peak;
    /* Of blocks that the heap handed out, headers included: to the program, to thread caches and to
     * the depot. Read without the lock, relaxed, by whoever sets a bound by it. */
    _Atomic(size_t) in_use_bytes;
    size_t in_use_blocks;
    size_t in_use_peak; /* highest in_use_bytes so far */
    uint64_t allocations;
    uint64_t frees;
};

extern struct heap brkm__main_heap BRKM_HIDDEN;

/* Whether a request may get new memory from the system. Callers first try without, then give back
 * what caches hold, then allow it. */
enum heap_growth { HEAP_AS_IT_IS, HEAP_MAY_GROW };

/* A block in use of at least `size` bytes, a block size; NULL when memory is short. When `dirty` is
 * not NULL, stores how many bytes at the start of the payload may be other than zero. */
struct mem_control_block *brkm__heap_allocate(struct heap *heap, size_t size,
                                              enum heap_growth growth, size_t *dirty);

/* The same with the payload aligned to `alignment`, a power of two above 16. The slack before and
 * behind goes back to the heap. */
struct mem_control_block *brkm__heap_allocate_aligned(struct heap *heap, size_t size,
                                                      size_t alignment, enum heap_growth growth);

/* Up to `count` blocks in use of at least `size` bytes, neighbours where that is possible. Stores
 * them in `blocks` and returns how many there are. */
size_t brkm__heap_allocate_batch(struct heap *heap, size_t size, size_t count,
                                 enum heap_growth growth, struct mem_control_block **blocks);

/* Frees `count` blocks whose state is cached. */
void brkm__heap_free_batch(struct heap *heap, struct mem_control_block *const *blocks,
                           size_t count);

/* Frees a block: coalesces it with free neighbours or the top. `caller` goes into messages. */
void brkm__heap_free(struct heap *heap, struct mem_control_block *block, const char *caller);

/* Makes a block in use `size` bytes large where it stands: shrinks by splitting, grows into a free
 * neighbour or the top. False: there is no room, nothing changed. */
bool brkm__heap_resize(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller);

/* Gives back the top but for `pad` bytes, fallback regions that are free as a whole, and whole
 * pages inside free blocks. Returns how many bytes went back. */
size_t brkm__heap_trim(struct heap *heap, size_t pad);

/* Bytes in blocks that the heap handed out and did not get back. Takes no lock. */
static inline size_t heap_handed_out(const struct heap *heap)
{
    return atomic_load_explicit(&heap->in_use_bytes, memory_order_relaxed);
}

/* Bytes that the heap holds from the system. The lock is held by the caller. */
static inline size_t heap_bytes_from_system(const struct heap *heap)
{
    return heap->top.from_system + heap->fallback_bytes;
}

#endif
