/* SPDX-License-Identifier: MIT
 * Red zones and poison: what a cache that asks for them does with each object.
 *
 *   | red zone | object | red zone |      a stride
 *
 * A red zone is a secret word that the address is mixed into. Poison is 0x6b in all bytes of a free
 * object but 0xa5 in the last, as the kernel has it. Caches with either have no magazines, so that
 * each allocation and each free comes by here. */
#ifndef BRKMALLOC_KERNEL_DEBUG_H
#define BRKMALLOC_KERNEL_DEBUG_H

#include "kernel/slab.h"

#define DEBUG_FLAGS (BRKM_SLAB_RED_ZONE | BRKM_SLAB_POISON)

#define RED_ZONE_BYTES 16u

static inline bool debug_wants(const struct brkm_kmem_cache *cache)
{
    return unlikely((cache->flags & DEBUG_FLAGS) != 0);
}

/* An object of a new slab, before its constructor. */
void brkm__debug_new(const struct brkm_kmem_cache *cache, void *object);

/* An object that goes out, or comes back: verified, and made ready. Ends the program with a message
 * when a byte was overwritten. */
void brkm__debug_allocate(const struct brkm_kmem_cache *cache, void *object);
void brkm__debug_free(const struct brkm_kmem_cache *cache, void *object, const char *caller);

#endif
