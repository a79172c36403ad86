/* SPDX-License-Identifier: MIT
 * Layer 13: the choice between thread cache, heap and mapped block. The way of malloc and free:
 *
 *   malloc: alloc_malloc (alloc.h): cache_bin_pop
 *           -> malloc_slow -> cache_refill: supply_list, or supply_block for medium sizes
 *                          -> serve_large: mapped_allocate, or supply_block
 *   free:   alloc_free (alloc.h): verify, cache_bin_push
 *           -> free_slow -> cache_keep: depot_put, past its bound heap_free_list
 *                        -> heap_free or mapped_free, for large blocks */
#ifndef BRKMALLOC_SERVE_H
#define BRKMALLOC_SERVE_H

#include "base.h"
#include "verify.h"

/* What an allocation gives besides the address. */
struct allocated {
    void *memory; /* NULL when memory is short, or the size beyond PTRDIFF_MAX */
    size_t dirty; /* bytes at the start that may be other than zero */
};

struct allocated brkm__serve(size_t size);

/* The same, aligned to `alignment`, a power of two; NULL when memory is short. */
void *brkm__serve_aligned(size_t alignment, size_t size);

/* Frees what was verified as in use, or hands on what is foreign. `caller` goes into messages. */
void brkm__free_verified(void *memory, struct held held, const char *caller);

/* Takes back what was verified as in use. `caller` goes into messages. */
void brkm__take_back(void *memory, struct held held, const char *caller);

/* True for sizes that get a mapping of their own. */
bool brkm__serve_wants_mapping(size_t size);

/* Everything of malloc and free that is not a hit: other sizes, misses, full bins, misuse. */
void *brkm__malloc_slow(size_t size);
void brkm__free_slow(void *memory);

#endif
