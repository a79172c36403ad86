/* SPDX-License-Identifier: MIT
 * Chunks: stretches of the main heap that side heaps cut their blocks from.
 *
 *   main heap     | side heap                                      | main heap
 *   ... block     | edge | block | block | free     | block | edge | block ...
 *                   ^ granule                                        ^ granule
 *
 * A chunk is whole granules. A block at either end, its edge, is never free, so nothing coalesces
 * past it; to who steps through a region a chunk is a row of blocks as any other. A map says for
 * each granule whose chunk it is in: so the heap of a block is known from its address.
 *
 * What is between the edges is read and written under the side heap's lock, the edges' headers
 * under the main heap's. */
#ifndef BRKMALLOC_HEAP_CHUNKS_H
#define BRKMALLOC_HEAP_CHUNKS_H

#include "base/base.h"
#include "base/config.h"
#include "heap/block.h"
#include "heap/regions.h"

struct chunk_map {
    /* The number of the granule that `of` begins with. Written once, before `of`. */
    uintptr_t first;
    /* A byte for each granule: the number of its heap, 0 for the main heap, and CHUNK_BEGINS in
     * the first of a chunk. NULL before the first chunk, then written once: release in make_map
     * pairs with acquire in chunks_exist. The bytes are written under the main heap's lock and
     * read without: a thread that has a pointer into a chunk has seen, with the pointer, what the
     * map says of it (relaxed_load, relaxed_store). */
    uint8_t *of;
};

#define CHUNK_BEGINS 0x80u

_Static_assert(BRKM_SIDE_HEAPS_MAX < CHUNK_BEGINS, "a heap's number fits beside the mark");

extern struct chunk_map brkm__chunk_map BRKM_HIDDEN;

/* True once a chunk was ever made. */
static inline bool chunks_exist(void)
{
    return __atomic_load_n(&brkm__chunk_map.of, __ATOMIC_ACQUIRE) != NULL;
}

/* The number of the heap that the block with this payload belongs to. */
static BRKM_ALWAYS_INLINE unsigned chunk_heap_number(const void *payload)
{
    if (likely(!chunks_exist())) {
        return 0;
    }
    uintptr_t granule = (uintptr_t)payload / BRKM_CHUNK_GRANULE - brkm__chunk_map.first;
    return granule < BRKM_CHUNK_GRANULES ? relaxed_load(brkm__chunk_map.of[granule]) & ~CHUNK_BEGINS
                                         : 0;
}

/* What a chunk has between its edges. */
struct chunk_space {
    struct mem_control_block *block; /* in use by nobody; NULL where there is none */
    size_t size;
    struct page_range clean; /* pages that were never used */
    size_t chunk_bytes;      /* with the edges */
};

/* Lends the side heap `number` a chunk of `bytes`, whole granules, out of `block`, a block in use
 * that the main heap cut for it, of which `dirty` bytes may have been used. The main heap's lock
 * is held. False where the map does not reach. */
bool brkm__chunk_open(struct mem_control_block *block, unsigned number, size_t bytes, size_t dirty,
                      struct chunk_space *space);

/* Steps through the first blocks of the heap's chunks: NULL gives that of the first, the last gives
 * NULL. */
struct mem_control_block *brkm__chunks_next(unsigned number, const struct mem_control_block *block);

/* True when the free `block`, a chunk's first, spans it. Ends the program when its header says
 * that it begins one, and that is not so. */
bool brkm__chunk_is_whole(const struct mem_control_block *block);

/* Gives the chunk that the free `block` spans, which is in no bin, back to the main heap, whose
 * lock it takes. Returns the chunk's bytes. */
size_t brkm__chunk_return(struct mem_control_block *block);

/* `pages` of a chunk, which are clean, are about to be used. Returns the bytes of those that nobody
 * used before. */
size_t brkm__chunk_first_use(struct page_range pages);

/* Forgets all chunks: every block counts as the main heap's. In the child of a bare fork. */
void brkm__chunks_abandon(void);

#endif
