/* SPDX-License-Identifier: MIT
 * The choice between thread cache, heap and mapped block. The way of malloc and free:
 *
 *   malloc: alloc_malloc (malloc.h): cache_bin_pop
 *           -> malloc_slow -> cache_refill: supply_list, or supply_block for medium sizes
 *                          -> serve_large: mapped_allocate, or supply_block
 *   free:   alloc_free (malloc.h): verify, cache_bin_push
 *           -> free_slow -> cache_keep: depot_put, past its bound heap_free_list
 *                        -> heap_free or mapped_free, for large blocks */
#ifndef BRKMALLOC_MALLOC_PLACE_H
#define BRKMALLOC_MALLOC_PLACE_H

#include "base/base.h"
#include "malloc/verify.h"

struct mem_control_block;

struct allocated {
    void *memory; /* NULL when memory is short, or the size beyond PTRDIFF_MAX */
    size_t dirty; /* bytes at the start that may be other than zero */
};

/* At least `size` bytes, aligned to BRKM_ALIGNMENT. */
struct allocated brkm__serve(size_t size);

/* The same, aligned to `alignment`, a power of two; NULL when memory is short. */
void *brkm__serve_aligned(size_t alignment, size_t size);

/* The same without a header, where that pays (heap/rows.h). NULL where it does not, or there is no
 * room. */
void *brkm__serve_row(size_t alignment, size_t size);

/* Frees a place of a row; false when there is something special about it, or it is none. */
bool brkm__serve_free_row(void *memory);

/* Gives the row that is kept empty to the heap. */
void brkm__serve_drain_rows(void);

/* One of the two. */
struct allocated brkm__serve_any(size_t size, size_t alignment);

/* Bytes that the block at `memory`, of the heap or mapped, has for a payload. */
size_t brkm__serve_room(const void *memory);

/* Takes back what was verified as in use. `caller` goes into messages. */
void brkm__take_back(void *memory, struct held held, const char *caller);

/* True for sizes that get a mapping of their own. */
bool brkm__serve_wants_mapping(size_t size);

/* A block of a cached size, at most BRKM_CACHED_MAX - BRKM_HEADER_SIZE; NULL when memory is short.
 * And the way back: `size` is that of the block, which was verified. */
void *brkm__serve_cached(size_t size);
void *brkm__serve_hit(size_t size);    /* only from the thread's cache */
void *brkm__serve_missed(size_t size); /* where that has none */
void brkm__serve_free_cached(struct mem_control_block *block, size_t size);

/* For free's fast path: the bin has no room. The block was found good but for the high bytes of its
 * size. */
void brkm__free_missed(void *memory);

#endif
