/* SPDX-License-Identifier: MIT
 * Layer 12: the thread cache: per thread and cached size a LIFO list of blocks. A hit makes no
 * call, takes no lock and nothing atomic.
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
#include "cache_bin.h"
#include "config.h"
#include "size_class.h"

/* Bytes. The largest request that an exact class serves. */
#define CACHE_HIT_MAX (BRKM_CACHED_EXACT_MAX - BRKM_HEADER_SIZE)

struct quarantine;

struct thread_cache {
    struct cache_bin bins[SIZE_CLASS_SLOTS];
    size_t budget;           /* bytes that the cache may hold */
    size_t budget_spent;     /* capacities of exact slots and blocks of large ones, in bytes */
    unsigned flushes_in_row; /* since the last refill */
    unsigned visited;        /* slot that was last looked at for being unused */
    unsigned rounds;         /* of thread-specific destructors that have run */
    uint64_t refills;
    uint64_t flushes;
    uint64_t number;               /* counted from 1 */
    uint64_t random;               /* of random_placement; 0 before the first use */
    struct quarantine *quarantine; /* NULL without, and before the first block comes in */
    uintptr_t owner;               /* pthread_self() of the thread, for debuggers */
    /* List of all caches, or of those of threads that ended, under the registry's lock. */
    struct thread_cache *next;
    struct thread_cache **link;
};

extern _Thread_local struct thread_cache *brkm__thread_cache BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

/* Bytes. The largest request for which malloc's fast path looks into the cache; 0 while every
 * malloc is to be watched (watch.h): of size 0 it finds nothing either way. relaxed_load: a thread
 * that sees it later is watched later. */
extern size_t brkm__cache_hit_max BRKM_HIDDEN;

/* From now on malloc's fast path always misses, or no longer does. */
void brkm__cache_watch_malloc(bool watched);

/* There is no fitting block, or the thread has no cache: refills from the depot or the heap.
 * Returns a block in use of at least `size` bytes, a cached block size, whose payload is aligned to
 * `alignment`, or NULL when memory is short. */
struct mem_control_block *brkm__cache_refill(size_t size, size_t alignment);

/* The bin was full or the thread has no cache: makes room and keeps the block, which is in use and
 * verified. */
void brkm__cache_keep(struct mem_control_block *block);

/* The same for the fast path of free, which has verified the low byte of the size only. */
void brkm__cache_verify_and_keep(void *payload);

/* Gives all that the calling thread has cached back to the heap. True when there was something. */
bool brkm__cache_flush_all(void);

/* While caches are closed every malloc and free goes to the heap. The calling thread's cache ends
 * at once, those of other threads when they next have nothing to give or no room. */
void brkm__cache_close(bool closed);

/* Lets caches be torn down at thread exit. Called by the constructor. */
void brkm__cache_watch_threads(void);

struct cache_totals {
    size_t threads;
    size_t blocks;
    size_t bytes;
    uint64_t refills;
    uint64_t flushes;
    uint64_t contended;
    size_t own_bytes; /* from the system for the caches themselves */
};

/* One cache of them. */
struct cache_record {
    uint64_t number; /* the caches that the process made are counted from 1 */
    uint64_t blocks, bytes, budget, refills, flushes;
};

/* Describes the caches, the newest first, at most `most` of them. Returns how many. */
size_t brkm__cache_records(struct cache_record *records, size_t most);

/* Sums over all caches. Other threads' numbers may be a moment old. */
struct cache_totals brkm__cache_totals(void);

/* The registry's lock, for fork; and the child's side: only the calling thread exists. */
struct lock *brkm__cache_lock(void);
void brkm__cache_forget_other_threads(void);

/* ---- Medium slots ----
 *
 * Such classes are many and have few blocks each, so they do not have a capacity of their own: a
 * block is paid for while it is there, and whichever class has blocks may use the budget. */

/* Takes a block from the slot; false on a miss. */
static BRKM_ALWAYS_INLINE bool cache_take_medium(struct thread_cache *cache,
                                                 struct medium_slot class, void **payload)
{
    if (!cache_bin_pop(&cache->bins[class.slot], payload)) {
        return false;
    }
    cache->budget_spent -= class.size;
    return true;
}

/* Adds a block that was verified as in use; false when the budget has no room for it, as that of
 * the constant caches never has. */
static BRKM_ALWAYS_INLINE bool cache_keep_medium(struct thread_cache *cache,
                                                 struct medium_slot class,
                                                 struct mem_control_block *block)
{
    size_t spent = cache->budget_spent + class.size;
    if (spent > cache->budget || !cache_bin_push(&cache->bins[class.slot], block)) {
        return false;
    }
    cache->budget_spent = spent;
    return true;
}

/* The bin of an exact class; `size` is a block size up to BRKM_CACHED_EXACT_MAX. */
static BRKM_ALWAYS_INLINE struct cache_bin *cache_exact_bin(struct thread_cache *cache, size_t size)
{
    return (struct cache_bin *)((uintptr_t)cache->bins + size);
}

#endif
