/* SPDX-License-Identifier: MIT
 * See home.h. */
#include "cache/home.h"

#include "cache/cache_life.h"
#include "cache/cache_registry.h"
#include "cache/depot.h"
#include "cache/thread_cache.h"
#include "kit/options.h"

/* Written by the constructor. */
static unsigned processors = 1;

void brkm__homes_begin(void)
{
    processors = brkm__os_processors();
}

static unsigned threads_in(const struct heap *heap)
{
    return atomic_load_explicit(&heap->threads, memory_order_relaxed);
}

static void move_in(struct thread_cache *cache, struct heap *home)
{
    atomic_fetch_add_explicit(&home->threads, 1, memory_order_relaxed);
    cache->home = home;
    cache->home_contended = relaxed_load(home->lock.contended);
    cache->home_patience = BRKM_HOME_PATIENCE;
}

void brkm__home_enter(struct thread_cache *cache)
{
    move_in(cache, &brkm__main_heap);
    cache->large_contended = cache->home_contended;
    cache->large_patience = BRKM_HOME_LARGE_PATIENCE;
}

void brkm__home_leave(struct thread_cache *cache)
{
    atomic_fetch_sub_explicit(&cache->home->threads, 1, memory_order_relaxed);
}

void brkm__homes_reset(struct thread_cache *own)
{
    for (unsigned i = 0; i <= relaxed_load(brkm__side_heaps_used); i++) {
        atomic_store_explicit(&heap_numbered(i)->threads, 0, memory_order_relaxed);
    }
    if (own != NULL) {
        move_in(own, own->home);
    }
}

/* ---- Choice ---- */

static unsigned most_side_heaps(void)
{
    size_t allowed = brkm__option_get(OPTION_side_heaps);
    return (unsigned)(brkm__option_is_set(OPTION_side_heaps) ? allowed
                                                             : min_size(allowed, processors));
}

/* The side heap with the fewest threads, a new one before any that has some; NULL for none. */
static struct heap *emptiest(unsigned most)
{
    struct heap *best = NULL;
    for (unsigned i = 1; i <= min_size(most, relaxed_load(brkm__side_heaps_used)); i++) {
        struct heap *heap = heap_numbered(i);
        best = best == NULL || threads_in(heap) < threads_in(best) ? heap : best;
    }
    if (best == NULL || threads_in(best) != 0) {
        struct heap *begun = brkm__heaps_begin(most);
        if (begun != NULL) {
            brkm__depot_begin(begun);
            return begun;
        }
    }
    return best;
}

static void choose(struct thread_cache *cache)
{
    /* Fork takes this lock before those of the heaps: none begins while it takes them. */
    lock_acquire(brkm__cache_lock());
    struct heap *best = threads_in(cache->home) > 1 ? emptiest(most_side_heaps()) : NULL;
    if (best != NULL && threads_in(best) + 1 < threads_in(cache->home)) {
        brkm__home_leave(cache);
        move_in(cache, best);
    }
    lock_release(brkm__cache_lock());
    cache->home_patience = BRKM_HOME_PATIENCE;
}

/* A visit more. It counts in the main heap, which the thread shares with the process; a wait of
 * anybody since the last visit counts in each. */
static void lose_patience(struct thread_cache *cache)
{
    uint64_t contended = relaxed_load(cache->home->lock.contended);
    cache->home_patience -= !heap_is_side(cache->home);
    cache->home_patience -= contended != cache->home_contended ? BRKM_HOME_WAIT : 0;
    cache->home_contended = contended;
    if (unlikely(cache->home_patience <= 0)) {
        choose(cache);
    }
}

/* True while large blocks of the thread come from the main heap. Waits of anybody since the last
 * visit count once. */
static bool shares_large(struct thread_cache *cache)
{
    if (likely(cache->large_patience <= 0)) {
        return false;
    }
    uint64_t contended = relaxed_load(brkm__main_heap.lock.contended);
    bool waited = contended != cache->large_contended;
    cache->large_contended = contended;
    cache->large_patience +=
        waited ? -BRKM_HOME_LARGE_WAIT : cache->large_patience < BRKM_HOME_LARGE_PATIENCE;
    if (cache->large_patience <= 0) {
        choose(cache);
    }
    return true;
}

/* A thread that makes large blocks alone has had no need of a cache so far. */
static struct heap *home_of_large(void)
{
    struct thread_cache *cache = cache_own();
    return cache == NULL || shares_large(cache) ? &brkm__main_heap : cache->home;
}

struct heap *brkm__home(size_t size)
{
    struct thread_cache *cache = brkm__thread_cache;
    if (unlikely(size > BRKM_CACHED_MAX)) {
        return size > BRKM_SIDE_BLOCK_MAX || os_is_single_threaded() ? &brkm__main_heap
                                                                     : home_of_large();
    }
    if (cache->home == NULL) {
        return &brkm__main_heap;
    }
    if (!os_is_single_threaded()) {
        lose_patience(cache);
    }
    return cache->home;
}
