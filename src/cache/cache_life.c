/* SPDX-License-Identifier: MIT
 * See cache_life.h. */
#include "cache/cache_life.h"

#include <limits.h>
#include <string.h>

#include "base/probes.h"
#include "base/valgrind.h"
#include "cache/cache_budget.h"
#include "cache/cache_registry.h"
#include "cache/depot.h"
#include "cache/home.h"
#include "cache/idle.h"
#include "heap/heaps.h"
#include "system/os_thread.h"

/* Blocks of a medium slot, beyond anything that its budget allows. */
#define MEDIUM_SLOT_CAPACITY UINT16_MAX

atomic_bool brkm__caches_closed;

/* How a thread's end is noticed. Written once, by the constructor. */
static struct os_thread_end thread_exit;

/* ---- End ---- */

static bool flush_bins(struct thread_cache *cache, void (*give)(unsigned, struct cached_list))
{
    bool flushed = false;
    for (unsigned slot = 0; slot < SIZE_CLASS_SLOTS; slot++) {
        struct cache_bin *bin = &cache->bins[slot];
        bool single = size_class_is_medium(slot);
        while (cache_bin_length(bin) != 0) {
            unsigned batch = single ? UINT16_MAX : size_class_batch(slot);
            unsigned count = (unsigned)min_size(batch, cache_bin_length(bin));
            give(slot, brkm__cache_take_out(cache, slot, count));
            flushed = true;
        }
        if (!single) {
            brkm__budget_take_room(cache, slot);
        }
    }
    return flushed;
}

static void give_to_heap(unsigned slot, struct cached_list list)
{
    (void)slot;
    brkm__heaps_free_list(list);
}

bool brkm__cache_flush_all(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    return cache_is_real(cache) && flush_bins(cache, give_to_heap);
}

/* Ends the calling thread's cache. */
static void leave_cache(struct thread_cache *cache, struct thread_cache *instead)
{
    brkm__thread_cache = instead;
    brkm__os_set_at_end(&thread_exit, NULL);
    relaxed_load(brkm__cache_keeper)->hand_over(&cache->kept);
    flush_bins(cache, brkm__depot_put);
    brkm__idle_release(IDLE_IN_CACHES, heap_number(cache->home), cache->budget);
    brkm__home_leave(cache);
    probe_cache_end(cache->number, cache->refills, cache->flushes);
    brkm__registry_leave(cache);
}

/* ---- Begin ---- */

static struct thread_cache *make_cache(void)
{
    struct thread_cache *cache = brkm__registry_take_memory();
    if (cache == NULL) {
        return NULL;
    }
    annotate_ours(cache, sizeof(*cache));
    memcpy(cache, &brkm__cache_before_first_use, sizeof(*cache));
    cache->owner = brkm__os_thread_handle();
    brkm__budget_begin(cache);
    brkm__idle_reserve_always(IDLE_IN_CACHES, heap_number(&brkm__main_heap), cache->budget);
    for (unsigned slot = SIZE_CLASS_EXACT_SLOTS; slot < SIZE_CLASS_SLOTS; slot++) {
        cache->bins[slot].capacity = cache->bins[slot].room = MEDIUM_SLOT_CAPACITY;
    }
    return cache;
}

struct thread_cache *brkm__cache_find(struct thread_cache *cache)
{
    if (caches_are_closed()) {
        if (cache_is_real(cache)) {
            leave_cache(cache, &brkm__cache_before_first_use);
        }
        return NULL;
    }
    if (cache == &brkm__cache_after_exit) {
        return NULL;
    }
    brkm__cached_draw_secret();
    cache = make_cache();
    if (cache != NULL) {
        brkm__home_enter(cache);
        brkm__registry_enter(cache);
        brkm__thread_cache = cache;
        probe_cache_begin(cache->number, cache->budget);
        /* May allocate, which then finds the cache. */
        brkm__os_set_at_end(&thread_exit, cache);
    }
    return cache;
}

void brkm__cache_close(bool closed)
{
    atomic_store_explicit(&brkm__caches_closed, closed, memory_order_relaxed);
    if (closed) {
        cache_own();
        brkm__depot_drain();
    }
}

/* ---- Thread exit ---- */

/* Later rounds of thread-specific destructors may still free and allocate: the cache asks to be
 * called again and ends in the last round but one that POSIX promises. The last is left to those
 * who must come after everybody, such as the thread sanitizer. */
BRKM_ENTRY_OF(thread_end) static void end_thread(void *value)
{
    struct thread_cache *cache = value;
    if (++cache->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
        brkm__os_set_at_end(&thread_exit, cache);
        return;
    }
    leave_cache(cache, &brkm__cache_after_exit);
    BRKM_KEEP_FRAME();
}

void brkm__cache_watch_threads(void)
{
    struct thread_cache *cache = brkm__thread_cache;
    if (brkm__os_watch_ends(&thread_exit, end_thread) && cache_is_real(cache)) {
        brkm__os_set_at_end(&thread_exit, cache);
    }
}
