/* SPDX-License-Identifier: MIT
 * See cache_budget.h. */
#include "cache/cache_budget.h"

#include "cache/depot.h"
#include "cache/idle.h"
#include "heap/heaps.h"

/* Refills and flushes between two looks at whether a slot is unused: with 209 slots each is
 * looked at every 1672 events, long enough for one in use to have moved. */
#define EVENTS_PER_VISIT 8

/* Flushes without a refill between them after which a thread counts as one that gives memory back.
 * In mixed traffic as many in a row are rare: one time in 256. */
#define FLUSHES_IN_ROW 8

/* Slots that each flush of such a phase looks at: a few blocks left here and there would pin many
 * pages of a program that has freed everything. */
#define VISITS_WHEN_GIVING_BACK 2

/* ---- Exact and medium slots ---- */

/* The share of the budget (1/4) that medium slots may use whatever exact ones have: those pay for
 * capacities of which half is empty on average. */
#define MEDIUM_SHARE 4

static size_t left_beside(const struct thread_cache *cache, size_t spent)
{
    return cache->budget > spent ? cache->budget - spent : 0;
}

/* After each change of the budget or of a capacity. */
static void share_budget(struct thread_cache *cache)
{
    cache->medium_allowed =
        max_size(left_beside(cache, cache->exact_spent), cache->budget / MEDIUM_SHARE);
}

/* `blocks` may be the two's complement of a decrease. */
static void change_capacity(struct thread_cache *cache, unsigned slot, unsigned blocks)
{
    struct cache_bin *bin = &cache->bins[slot];
    bin->capacity = (uint16_t)(bin->capacity + blocks);
    bin->room = (uint16_t)(bin->room + blocks);
    cache->exact_spent += (size_t)(int)blocks * size_class_slot_size(slot);
    share_budget(cache);
}

void brkm__budget_begin(struct thread_cache *cache)
{
    cache->budget = BRKM_CACHE_BUDGET_MIN;
    share_budget(cache);
}

void brkm__budget_take_room(struct thread_cache *cache, unsigned slot)
{
    change_capacity(cache, slot, -(unsigned)cache->bins[slot].room);
}

/* ---- Visits ---- */

/* Looks at the next slot in turn. When it was not used since the last look, half of its blocks go,
 * or all, and its idle room. */
static void visit_next_slot(struct thread_cache *cache, bool all)
{
    unsigned slot = cache->visited = (cache->visited + 1) % SIZE_CLASS_SLOTS;
    struct cache_bin *bin = &cache->bins[slot];
    if (bin->capacity != 0 && bin->room == bin->room_at_visit) {
        unsigned surplus = cache_bin_length(bin);
        surplus = all ? surplus : (surplus + 1) / 2;
        if (surplus != 0) {
            brkm__depot_put(slot, brkm__cache_take_out(cache, slot, surplus));
        }
        if (!size_class_is_medium(slot)) {
            brkm__budget_take_room(cache, slot);
        }
    }
    bin->room_at_visit = bin->room;
}

/* Some of the events off the fast path visit a slot each, so that what a phase left behind goes in
 * time. */
static void visit_sometimes(struct thread_cache *cache)
{
    if ((cache->refills + cache->flushes) % EVENTS_PER_VISIT == 0) {
        visit_next_slot(cache, false);
    }
}

/* Blocks that a slot in use may hold whatever the budget says: with less, moving batches would
 * cost more than it saves. Slots that are not in use lose even that when they are visited. */
static unsigned least_capacity(unsigned slot)
{
    return size_class_batch(slot) / 2;
}

void brkm__budget_grow_slot(struct thread_cache *cache, unsigned slot, unsigned blocks)
{
    struct cache_bin *bin = &cache->bins[slot];
    size_t size = size_class_slot_size(slot);
    size_t left = left_beside(cache, cache->exact_spent + cache->medium_spent);
    if (blocks * size > left) {
        unsigned least = least_capacity(slot);
        size_t affordable = left < size ? 0 : left / size;
        if (bin->capacity + affordable < least) {
            affordable = least - bin->capacity;
        }
        blocks = (unsigned)min_size(blocks, affordable);
    }
    blocks = (unsigned)min_size(blocks, UINT16_MAX / 2u - bin->capacity);
    change_capacity(cache, slot, blocks);
}

void brkm__budget_obey(struct thread_cache *cache, unsigned slot)
{
    struct cache_bin *bin = &cache->bins[slot];
    unsigned least = least_capacity(slot);
    if (cache->exact_spent + cache->medium_spent > cache->budget && bin->capacity > least &&
        bin->room > 1) {
        change_capacity(cache, slot, -(unsigned)min_size(bin->capacity - least, bin->room - 1u));
    }
}

static void raise_budget(struct thread_cache *cache, size_t bytes)
{
    if (brkm__idle_reserve(IDLE_IN_CACHES, heap_number(cache->home), bytes)) {
        cache->budget += bytes;
        share_budget(cache);
    }
}

static void lower_budget(struct thread_cache *cache, size_t bytes)
{
    bytes = min_size(bytes, cache->budget - BRKM_CACHE_BUDGET_MIN);
    if (bytes != 0) {
        brkm__idle_release(IDLE_IN_CACHES, heap_number(cache->home), bytes);
        cache->budget -= bytes;
        share_budget(cache);
    }
}

/* A slot that is flushed and refilled in turn would do with more. */
static void learn(struct thread_cache *cache, unsigned slot, enum cache_history event)
{
    struct cache_bin *bin = &cache->bins[slot];
    if (bin->history != event) {
        if (bin->history != CACHE_HISTORY_NONE) {
            raise_budget(cache, size_class_batch(slot) * size_class_slot_size(slot));
        }
        bin->history = (uint8_t)event;
    }
}

void brkm__budget_note_refill(struct thread_cache *cache, unsigned slot)
{
    cache->refills++;
    cache->flushes_in_row = 0;
    learn(cache, slot, CACHE_HISTORY_REFILLED);
    visit_sometimes(cache);
}

bool brkm__budget_is_giving_back(const struct thread_cache *cache)
{
    return cache->flushes_in_row > FLUSHES_IN_ROW;
}

void brkm__budget_note_flush(struct thread_cache *cache, unsigned slot)
{
    cache->flushes++;
    cache->flushes_in_row++;
    learn(cache, slot, CACHE_HISTORY_FLUSHED);
    if (likely(!brkm__budget_is_giving_back(cache))) {
        visit_sometimes(cache);
        return;
    }
    lower_budget(cache, size_class_batch(slot) * size_class_slot_size(slot));
    for (unsigned i = 0; i < VISITS_WHEN_GIVING_BACK; i++) {
        visit_next_slot(cache, true);
    }
}
