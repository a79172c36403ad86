/* SPDX-License-Identifier: MIT
 * The malloc family's semantics. Here is the fast path of malloc and free, for the
 * prefixed functions and libc's names. */
#ifndef BRKMALLOC_MALLOC_MALLOC_H
#define BRKMALLOC_MALLOC_MALLOC_H

#include "base/base.h"
#include "base/config.h"
#include "base/valgrind.h"
#include "brkmalloc/brkmalloc.h"
#include "cache/cache_miss.h"
#include "cache/thread_cache.h"
#include "heap/block.h"
#include "heap/regions.h"
#include "malloc/place.h"
#include "malloc/verify.h"

/* Everything of malloc and free that is not a hit: other sizes, misses, full bins, misuse. */
void *brkm__malloc_slow(size_t size);
void brkm__free_slow(void *memory);

/* Takes a block from the bin of its size, which is at most CACHE_HIT_MAX; false on a miss. */
static BRKM_ALWAYS_INLINE bool malloc_hit(size_t size, void **memory)
{
    /* Up to 8 bytes this is 16, a bin that stays empty; the slow path knows the least size. */
    size_t block_size = align_up(size + BRKM_HEADER_SIZE, BRKM_ALIGNMENT);
    if (unlikely(!cache_bin_pop(cache_exact_bin(brkm__thread_cache, block_size), memory))) {
        return false;
    }
    annotate_allocated(*memory, size, false);
    return true;
}

static BRKM_ALWAYS_INLINE void *alloc_malloc(size_t size)
{
    void *memory;
    if (likely(size < relaxed_load(brkm__cache_hit_limit) && malloc_hit(size, &memory))) {
        return memory;
    }
    return brkm__malloc_slow(size);
}

/* Verifies before anything is believed: the address (inside the heap, aligned), the header (seal of
 * a block in use with this size at this address), and the guard of the header behind, which must
 * not say that the block is free. Price: 32 instructions on x86-64. */
static BRKM_ALWAYS_INLINE void alloc_free(void *memory)
{
    if (likely(regions_window_contains(memory))) {
        struct mem_control_block *block = block_from_payload(memory);
        size_t size = block_byte_size(block);
        forget_value(size);
        uint32_t seal = block_small_seal_for(block, size, BLOCK_IN_USE);
        bool sound = block_is_sound(block, size, seal);
        /* Saves a move: the next header's address is then made anew inside the instruction. */
        forget_value(size);
        if (likely(sound && !block_is_known_free(block, size))) {
            annotate_freed(memory);
            if (unlikely(!cache_bin_push(cache_exact_bin(brkm__thread_cache, size), block, seal))) {
                brkm__free_missed(memory);
            }
            return;
        }
    }
    brkm__free_slow(memory);
}

/* ---- For realloc.c ---- */

/* Sets errno to ENOMEM, for a request of `size` bytes, and returns NULL. */
BRKM_COLD void *brkm__alloc_fail(size_t size);

#endif
