/* SPDX-License-Identifier: MIT
 * Medium slots of a thread cache.
 *
 * Such classes are many and have few blocks each, so they do not have a capacity of their own: a
 * block is paid for while it is there, and whichever class has blocks may use what exact slots left
 * of the budget, and in any case a share of it. Where a class has no block, one of the next will
 * do, as long as it wastes little. */
#ifndef BRKMALLOC_CACHE_MEDIUM_H
#define BRKMALLOC_CACHE_MEDIUM_H

#include "base/base.h"
#include "cache/cache_bin.h"
#include "cache/thread_cache.h"
#include "heap/block.h"
#include "heap/size_class.h"

/* True for a block size that goes through medium slots. */
static BRKM_ALWAYS_INLINE bool medium_has(size_t block_size)
{
    return block_size - (BRKM_CACHED_EXACT_MAX + 1) < BRKM_CACHED_MAX - BRKM_CACHED_EXACT_MAX;
}

/* True for a request that they serve. */
static BRKM_ALWAYS_INLINE bool medium_serves(size_t size)
{
    return medium_has(size + BRKM_HEADER_SIZE);
}

/* A block from the slots after a medium class that has none, up to BRKM_CACHED_WASTE larger. NULL
 * when there is none. */
void *brkm__medium_take_next(struct thread_cache *cache, struct medium_slot class);

/* The header of a cached block is not what it was. */
_Noreturn void brkm__medium_is_bad(const struct cached_block *block);

/* Takes the first block of the slot, if it has at most `most` bytes. The header, which tells that,
 * is believed only after it was verified; the size lies within a step. NULL when the block is
 * larger. */
static BRKM_ALWAYS_INLINE void *medium_take_first(struct thread_cache *cache,
                                                  struct medium_slot class, size_t most)
{
    const struct cached_block *first = cache->bins[class.slot].first;
    const struct mem_control_block *block = block_from_payload(first);
    size_t size = block_short_size(block);
    void *memory;
    if (unlikely(block_load_seal(block) != block_small_seal_for(block, size, BLOCK_CACHED) ||
                 size - class.size > class.size / SIZE_CLASS_MEDIUM_STEPS)) {
        brkm__medium_is_bad(first);
    }
    if (size > most) {
        return NULL;
    }
    if (unlikely(!cache_bin_pop(&cache->bins[class.slot], &memory))) {
        brkm__cached_link_is_bad(first);
    }
    cache->medium_spent -= class.size;
    return memory;
}

/* A block from the slot, or one of the next; NULL on a miss. */
static BRKM_ALWAYS_INLINE void *medium_take(struct thread_cache *cache, struct medium_slot class)
{
    return likely(cache->bins[class.slot].first != CACHED_END)
               ? medium_take_first(cache, class, SIZE_MAX)
               : brkm__medium_take_next(cache, class);
}

/* Adds a block that was verified as in use; false when the budget has no room for it, as that of
 * the constant caches never has. */
static BRKM_ALWAYS_INLINE bool medium_keep(struct thread_cache *cache, struct medium_slot class,
                                           struct mem_control_block *block)
{
    size_t spent = cache->medium_spent + class.size;
    if (spent > cache->medium_allowed ||
        !cache_bin_push(&cache->bins[class.slot], block, block_load_seal(block))) {
        return false;
    }
    cache->medium_spent = spent;
    return true;
}

#endif
