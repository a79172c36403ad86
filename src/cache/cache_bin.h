/* SPDX-License-Identifier: MIT
 * One size class of a thread cache: a LIFO list of cached blocks and how many it may hold.
 * Only the thread that owns the cache calls anything here. */
#ifndef BRKMALLOC_CACHE_CACHE_BIN_H
#define BRKMALLOC_CACHE_CACHE_BIN_H

#include "base/base.h"
#include "heap/block.h"
#include "heap/sealed_list.h"

/* What a class did last, apart from hits. */
enum cache_history { CACHE_HISTORY_NONE, CACHE_HISTORY_FLUSHED, CACHE_HISTORY_REFILLED };

/* One class of one thread. room + blocks in the list == capacity. Only the owner writes. */
struct cache_bin {
    struct cached_block *first;
    uint16_t room;     /* blocks that may still be added */
    uint16_t capacity; /* blocks; paid for from the cache's budget */
    uint8_t batch;     /* blocks of the next refill: slow start, doubles up to the class's batch */
    uint8_t history;   /* enum cache_history */
    uint16_t room_at_visit; /* room when the class was last looked at for being unused */
};

_Static_assert(sizeof(struct cache_bin) == BRKM_ALIGNMENT,
               "the bin of an exact class lies at the block size as a byte offset");

static inline unsigned cache_bin_length(const struct cache_bin *bin)
{
    return (unsigned)bin->capacity - bin->room;
}

/* Takes the first `count` blocks, of at least as many, out of the bin. */
struct cached_list brkm__cache_bin_take(struct cache_bin *bin, unsigned count);

/* Takes one of the first blocks whose payload is aligned to `alignment`, a power of two; it is then
 * in use. False when there is none. */
bool brkm__cache_bin_pop_aligned(struct cache_bin *bin, size_t alignment, void **payload);

/* Brings one of the first blocks to the front: the one at `position`, or the last before the end.
 */
void brkm__cache_bin_raise(struct cache_bin *bin, unsigned position);

/* Puts a list into the empty bin, whose capacity holds it. */
void brkm__cache_bin_fill(struct cache_bin *bin, struct cached_list list);

/* ---- The fast path ---- */

/* Takes a block from the bin and stores its payload's address; it is then in use. False on a miss.
 * Price: 12 instructions on x86-64. */
static BRKM_ALWAYS_INLINE bool cache_bin_pop(struct cache_bin *bin, void **payload)
{
    struct cached_block *first = bin->first;
    if (unlikely(!cached_link_is_sound(first))) {
        return false;
    }
    bin->first = first->next;
    /* Saves a move: else `first` lies in another register than what is returned. */
    forget_value(first);
    bin->room++;
    block_change_state(block_from_payload(first), BLOCK_CACHED, BLOCK_IN_USE);
    cached_link_clear(first);
    *payload = first;
    return true;
}

/* Adds a block that was verified to be in use, with the seal `seal`; false when there is no room.
 * Price: 11 instructions on x86-64. */
static BRKM_ALWAYS_INLINE bool cache_bin_push(struct cache_bin *bin,
                                              struct mem_control_block *block, uint32_t seal)
{
    if (unlikely(bin->room == 0)) {
        return false;
    }
    struct cached_block *cached = block_payload(block);
    seal += BLOCK_CACHED;
    block_store_seal(block, seal);
    cached_link_sealed(cached, seal, bin->first);
    bin->first = cached;
    forget_word(bin->room);
    bin->room--;
    return true;
}

#endif
