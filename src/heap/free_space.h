/* SPDX-License-Identifier: MIT
 * The heap's free space: where its blocks come from and go to. Splits, coalesces, grows by the
 * break or by fallback regions, trims. What it meets on the way (neighbours, links, tags) is
 * verified before it is believed. The heap's lock is held by the caller throughout; whatever makes
 * memory free ends with brkm__space_return_memory. */
#ifndef BRKMALLOC_HEAP_FREE_SPACE_H
#define BRKMALLOC_HEAP_FREE_SPACE_H

#include <stdatomic.h>

#include "base/base.h"
#include "heap/bins.h"
#include "heap/block.h"
#include "heap/purge.h"
#include "heap/top.h"
#include "kit/lock.h"

/* All zero is an empty heap. Everything is written under the lock. The lock and what is read
 * without it lie on cache lines of their own: who waits for the one or looks at the other must not
 * slow down the thread that works on the rest. */
struct heap {
    _Alignas(BRKM_CACHE_LINE) struct lock lock;
    /* Threads that have it as their home (cache/home.h): changed by each, relaxed, as it decides
     * nothing but where a thread goes. */
    _Atomic(unsigned) threads;
    _Alignas(BRKM_CACHE_LINE) struct top top; /* the main heap's; of a side heap all zero */
    struct bins bins;
    /* A fallback region that is free as a whole is kept here, in the bins too, so that a program
     * that allocates and frees at the edge of one does not map and unmap it each time. */
    struct mem_control_block *spare;
    size_t trimmed; /* bytes trimmed and not asked for again since */
    bool top_grew;  /* over freed blocks, since memory was last returned */
    struct purge purge;
    size_t fallback_bytes; /* of all fallback regions */
    size_t fallback_peak;
    /* Of blocks that the heap handed out, headers included: to the program, to thread caches and to
     * the depot. */
    size_t in_use_bytes;
    size_t in_use_blocks;
    size_t in_use_peak; /* highest in_use_bytes so far */
    size_t noted_bytes; /* of in_use_bytes: those that brkm__handed_out counts */
    /* Bytes of chunks: lent to side heaps, of the main heap; borrowed, of a side heap. */
    size_t chunk_bytes;
    /* Bytes from the system that an abandoned heap had; counted in nothing else here. */
    size_t abandoned_bytes;
    /* NULL unless there was one (process/bare_fork.h). True for its blocks, which stay where they
     * are; the one that the program frees is then marked so. */
    bool (*leave)(struct mem_control_block *block, bool is_freed);
    uint64_t allocations;
    uint64_t frees;
};

/* The heap with the break, and those that borrow chunks of it (heaps.h). */
extern struct heap brkm__main_heap BRKM_HIDDEN;
extern struct heap brkm__side_heaps[BRKM_SIDE_HEAPS_MAX] BRKM_HIDDEN;

static inline bool heap_is_side(const struct heap *heap)
{
    return heap != &brkm__main_heap;
}

/* Bytes that all heaps handed out and did not get back, at most BRKM_HANDED_OUT_STEP off for each.
 * Written under any heap's lock, read without one by whoever sets a bound by it: relaxed. */
extern _Atomic(size_t) brkm__handed_out BRKM_HIDDEN;

static inline size_t heaps_handed_out(void)
{
    return atomic_load_explicit(&brkm__handed_out, memory_order_relaxed);
}

/* Bytes that the heap holds from the system. The lock is held by the caller. */
static inline size_t heap_bytes_from_system(const struct heap *heap)
{
    return heap->top.from_system + heap->fallback_bytes;
}

/* ---- Take ---- */

/* Takes a free block of `size` bytes out of its bin to make it part of another: what tells of its
 * size and end is verified, and its header says that it is gone. */
void brkm__space_take_out(struct heap *heap, struct mem_control_block *block, size_t size);

/* The best fit for `size` from the bins, in use, with the rest split off; NULL when there is none.
 * Stores how many bytes at the start of its payload may be other than zero. */
struct mem_control_block *brkm__space_take(struct heap *heap, size_t size, size_t *dirty);

/* Marks the first `size` bytes of a free block, which is in no bin any more, as in use and splits
 * off the rest. */
struct mem_control_block *brkm__space_use(struct heap *heap, struct mem_control_block *block,
                                          size_t size);

/* Marks `block`, of `size` bytes and in no bin, as in use. */
void brkm__space_begin_use(struct mem_control_block *block, size_t size);

/* Moves the break so that the top can give `size` bytes. */
bool brkm__space_grow(struct heap *heap, size_t size);

/* Maps a region that can give `size` bytes. */
bool brkm__space_add_fallback(struct heap *heap, size_t size);

/* Takes a free block that is in no bin, the first of a region or chunk, of whose pages those in
 * `clean` were not used so far. */
void brkm__space_add(struct heap *heap, struct mem_control_block *block, size_t size,
                     struct page_range clean);

/* ---- Give back ---- */

/* The state of the block after `block`, which is known to be good; `caller` is for the message
 * when it is damaged. */
enum block_state brkm__space_state_after(const struct mem_control_block *block, const char *caller);

/* Frees the range of `size` bytes that `block`, whose header is good, begins: coalesces it with
 * both neighbours and puts the result into its bin or the top. Of two fallback regions that are
 * free as a whole the larger one goes. */
void brkm__space_free(struct heap *heap, struct mem_control_block *block, size_t size,
                      const char *caller);

/* Neighbours that are freed as one. */
struct free_range {
    struct mem_control_block *first;
    size_t size;
};

/* Asks for the memory at both ends of `size` bytes that are to be freed: the first step of
 * brkm__space_free_ranges. */
static BRKM_ALWAYS_INLINE void space_prefetch_ends(const struct mem_control_block *block,
                                                   size_t size)
{
    __builtin_prefetch(block_boundary_tag_before(block));
    __builtin_prefetch(block_at_offset(block, size));
}

/* The same for several ranges, with their cache misses one over the other. */
void brkm__space_free_ranges(struct heap *heap, const struct free_range *ranges, unsigned count);

/* Cuts a block that is in use to `size` bytes and frees the rest, if it can be a block. */
void brkm__space_split(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller);

/* Gives the slack before `place` back and returns the block at `place`, in use. */
struct mem_control_block *brkm__space_cut_lead(struct heap *heap, struct mem_control_block *block,
                                               struct mem_control_block *place);

/* Called after memory became free. Gives the end of a large top back, and pages inside free blocks
 * when there are many. */
void brkm__space_return_memory(struct heap *heap);

/* What a program that is quiet does not need: the end of the top, and pages inside of free memory
 * but for `keep` bytes of them. Ends early when somebody waits for the lock. Returns the bytes of
 * pages that went back. */
size_t brkm__space_decay(struct heap *heap, size_t keep);

/* Gives back the top but for `pad` bytes, the spare region, and whole pages inside free blocks.
 * Returns how many bytes went back. */
size_t brkm__space_trim(struct heap *heap, size_t pad);

#endif
