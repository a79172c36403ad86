/* SPDX-License-Identifier: MIT
 * Every thread cache of a living thread, and the memory of all that ever were.
 *
 * Caches lie outside of the heap, where no write past a block's end gets: what they say of their
 * blocks is believed. Their memory is kept for the threads to come. */
#ifndef BRKMALLOC_CACHE_CACHE_REGISTRY_H
#define BRKMALLOC_CACHE_CACHE_REGISTRY_H

#include "base/base.h"
#include "cache/thread_cache.h"
#include "kit/lock.h"

/* Memory for a cache; NULL when that is short. */
struct thread_cache *brkm__registry_take_memory(void);

/* A cache begins, and gets its number; or ends, and its memory is used again. */
void brkm__registry_enter(struct thread_cache *cache);
void brkm__registry_leave(struct thread_cache *cache);

/* How many caches there are. */
size_t brkm__cache_threads(void);

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

/* In the child of a bare fork (process/bare_fork.h), where nobody is left who held the lock. Caches
 * of threads that are gone stay in the list, as nobody can tell which they are. */
void brkm__cache_settle(void);

#endif
