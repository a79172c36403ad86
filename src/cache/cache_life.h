/* SPDX-License-Identifier: MIT
 * The beginning and the end of a thread's cache: it is made at the thread's first miss,
 * and ends with the thread, or while caches are closed. */
#ifndef BRKMALLOC_CACHE_CACHE_LIFE_H
#define BRKMALLOC_CACHE_CACHE_LIFE_H

#include <stdatomic.h>

#include "base/base.h"
#include "cache/thread_cache.h"

/* Relaxed: a thread that sees the change a little later caches a little longer. */
extern atomic_bool brkm__caches_closed BRKM_HIDDEN;

static inline bool caches_are_closed(void)
{
    return atomic_load_explicit(&brkm__caches_closed, memory_order_relaxed);
}

/* What cache_own does for a thread without a cache, or with one that is to end. */
BRKM_COLD struct thread_cache *brkm__cache_find(struct thread_cache *cache);

/* The calling thread's cache, made if need be; NULL when the thread is past its end, memory is
 * short or caches are closed. */
static inline struct thread_cache *cache_own(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    return likely(!caches_are_closed() && cache_is_real(cache)) ? cache : brkm__cache_find(cache);
}

/* Gives all that the calling thread has cached back to the heap. True when there was something. */
bool brkm__cache_flush_all(void);

/* While caches are closed every malloc and free goes to the heap. The calling thread's cache ends
 * at once, those of other threads when they next have nothing to give or no room. */
void brkm__cache_close(bool closed);

/* Lets caches be torn down at thread exit. Called by the constructor. */
void brkm__cache_watch_threads(void);

#endif
