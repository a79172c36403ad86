/* SPDX-License-Identifier: MIT
 * Layer 9: the thread cache: per thread and cached size a LIFO list of blocks. A hit makes no call,
 * takes no lock and nothing atomic.
 *
 *   malloc: bin->first ---> block ---> block ---> sentinel
 *   free:   room counts down; at 0 the bin is full and a batch goes to the depot
 *
 * The thread-local pointer always leads to a cache that may be read. Before a thread's first miss,
 * and after its last destructor, that is a constant whose bins are empty and have no room, so that
 * the fast path needs no test for it. */
#ifndef BRKMALLOC_THREAD_CACHE_H
#define BRKMALLOC_THREAD_CACHE_H

#include "base.h"
#include "block.h"
#include "cached_list.h"
#include "config.h"
#include "size_class.h"

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

/* What a class did last, apart from hits. */
enum cache_history { CACHE_HISTORY_NONE, CACHE_HISTORY_FLUSHED, CACHE_HISTORY_REFILLED };

struct thread_cache {
    struct cache_bin bins[SIZE_CLASS_SLOTS];
    size_t budget;       /* bytes that capacities may add up to */
    size_t budget_spent; /* bytes that they add up to */
    unsigned visited;    /* slot that was last looked at for being unused */
    unsigned rounds;     /* of thread-specific destructors that have run */
    uint64_t refills;
    uint64_t flushes;
    /* List of all caches, under the registry's lock. */
    struct thread_cache *next;
    struct thread_cache **link;
};

extern _Thread_local struct thread_cache *brkm__thread_cache BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

/* The list was empty, its first link is bad, or the thread has no cache: refills from the depot or
 * the heap. Returns a block in use of the slot's size, or NULL when memory is short. */
struct mem_control_block *brkm__cache_refill(unsigned slot);

/* The bin was full or the thread has no cache: makes room and keeps the block, which is in use and
 * verified. */
void brkm__cache_keep(void *payload);

/* Gives all that the calling thread has cached back to the heap. True when there was something. */
bool brkm__cache_flush_all(void);

/* Lets caches be torn down at thread exit. Called by the constructor. */
void brkm__cache_watch_threads(void);

struct cache_totals {
    size_t threads;
    size_t blocks;
    size_t bytes;
    uint64_t refills;
    uint64_t flushes;
    uint64_t contended;
};

/* Sums over all caches. Other threads' numbers may be a moment old. */
struct cache_totals brkm__cache_totals(void);

/* The registry's lock, for fork; and the child's side: only the calling thread exists. */
struct lock *brkm__cache_lock(void);
void brkm__cache_forget_other_threads(void);

/* ---- The fast path ---- */

/* Takes a block from the bin and stores its payload's address; it is then in use. False on a miss.
 * Price: 11 instructions on x86-64. */
static BRKM_ALWAYS_INLINE bool cache_bin_pop(struct cache_bin *bin, void **payload)
{
    struct cached_block *first = bin->first;
    if (unlikely(!cached_link_is_sound(first))) {
        return false;
    }
    struct mem_control_block *block = block_from_payload(first);
    bin->first = first->next;
    bin->room++;
    block_change_state(block, BLOCK_CACHED, BLOCK_IN_USE);
    *payload = first;
    return true;
}

/* Adds a block that was verified as in use; false when there is no room. Price: 10 instructions on
 * x86-64. */
static BRKM_ALWAYS_INLINE bool cache_bin_push(struct cache_bin *bin,
                                              struct mem_control_block *block)
{
    if (unlikely(bin->room == 0)) {
        return false;
    }
    struct cached_block *cached = block_payload(block);
    block_change_state(block, BLOCK_IN_USE, BLOCK_CACHED);
    cached_link_set(cached, bin->first);
    bin->first = cached;
    forget_word(bin->room);
    bin->room--;
    return true;
}

/* The bin of an exact class; `size` is a block size up to BRKM_CACHED_EXACT_MAX. */
static BRKM_ALWAYS_INLINE struct cache_bin *cache_exact_bin(struct thread_cache *cache, size_t size)
{
    return (struct cache_bin *)((uintptr_t)cache->bins + size);
}

#endif
