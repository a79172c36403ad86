/* SPDX-License-Identifier: MIT
 * See thread_cache.h. */
#include "cache/thread_cache.h"

#include "base/facts.h"
#include "base/probes.h"

#define CACHE_NOTHING                                                    \
    {                                                                    \
        .bins = { [0 ... SIZE_CLASS_SLOTS - 1] = {.first = CACHED_END} } \
    }

struct thread_cache brkm__cache_before_first_use = CACHE_NOTHING;
struct thread_cache brkm__cache_after_exit = CACHE_NOTHING;

_Thread_local struct thread_cache *brkm__thread_cache = &brkm__cache_before_first_use;
size_t brkm__cache_hit_limit;

/* ---- Who keeps blocks besides ---- */

static void hand_over_nothing(void **kept)
{
    (void)kept;
}

static void forget_nothing(void *kept)
{
    (void)kept;
}

static bool drain_nothing(void)
{
    return false;
}

static const struct cache_keeper nobody = {hand_over_nothing, forget_nothing, drain_nothing};

const struct cache_keeper *brkm__cache_keeper = &nobody;

void brkm__cache_kept_by(const struct cache_keeper *keeper)
{
    relaxed_store(brkm__cache_keeper, keeper);
}

void brkm__cache_watch_malloc(bool watched)
{
    relaxed_store(brkm__cache_hit_limit, watched ? 0 : CACHE_HIT_MAX + 1);
}

struct cached_list brkm__cache_take_out(struct thread_cache *cache, unsigned slot, unsigned count)
{
    if (size_class_is_medium(slot)) {
        cache->medium_spent -= count * size_class_slot_size(slot);
    }
    probe_flush(cache->number, size_class_slot_size(slot), count);
    return brkm__cache_bin_take(&cache->bins[slot], count);
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT("cache slots", SIZE_CLASS_SLOTS),
    FACT("exact slots", SIZE_CLASS_EXACT_SLOTS),
    FACT_SIZE(thread_cache),
    FACT_OFFSET(thread_cache, bins),
    FACT_OFFSET(thread_cache, budget),
    FACT_OFFSET(thread_cache, refills),
    FACT_OFFSET(thread_cache, flushes),
    FACT_OFFSET(thread_cache, number),
    FACT_OFFSET(thread_cache, kept),
    FACT_OFFSET(thread_cache, owner),
    FACT_OFFSET(thread_cache, next),
    FACT_SIZE(cache_bin),
    FACT_OFFSET(cache_bin, first),
    FACT_OFFSET(cache_bin, room),
    FACT_OFFSET(cache_bin, capacity),
};
