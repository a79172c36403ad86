/* SPDX-License-Identifier: MIT
 * See depot.h. */
#include "cache/depot.h"

#include "base/config.h"
#include "base/facts.h"
#include "base/probes.h"
#include "cache/idle.h"
#include "heap/heap.h"

#define SHELF_COUNT SIZE_CLASS_EXACT_SLOTS

/* Batches that a shelf takes in a row while nobody asks for one: enough for threads that pass
 * blocks on in turns. */
#define UNASKED_MAX 8

/* The place of one size class. */
struct shelf {
    struct lock lock;
    /* Batches there are. Written under the lock, where one is complete; read without it, relaxed,
     * to pass an empty shelf. */
    unsigned batches;
    /* Batches that came since somebody last asked for one. Written under the lock, but for the
     * reset by whoever finds the shelf empty: relaxed. */
    unsigned unasked;
};

static struct {
    /* Apart from the batches, so that a look at all shelves touches few pages. */
    struct shelf shelves[SHELF_COUNT];
    struct cached_list batch[SHELF_COUNT][BRKM_DEPOT_BATCHES];
} depot;

static size_t list_bytes(unsigned slot, struct cached_list list)
{
    return list.count * size_class_slot_size(slot);
}

static struct cached_list take_last(struct shelf *shelf, unsigned slot)
{
    relaxed_store(shelf->batches, shelf->batches - 1);
    struct cached_list batch = depot.batch[slot][shelf->batches];
    brkm__idle_release(IDLE_IN_DEPOT, list_bytes(slot, batch));
    return batch;
}

/* False when the shelf is full or nobody asks for its batches. Then one that lies there goes too,
 * by `surplus`, so that memory which a program has given up does not stay in the depot. */
static bool store(unsigned slot, struct cached_list batch, struct cached_list *surplus)
{
    struct shelf *shelf = &depot.shelves[slot];
    lock_acquire(&shelf->lock);
    unsigned unasked = relaxed_load(shelf->unasked) + 1;
    bool wanted = unasked <= UNASKED_MAX && shelf->batches < BRKM_DEPOT_BATCHES;
    relaxed_store(shelf->unasked, unasked);
    if (wanted) {
        depot.batch[slot][shelf->batches] = batch;
        __atomic_store_n(&shelf->batches, shelf->batches + 1, __ATOMIC_RELEASE);
    } else if (unasked > UNASKED_MAX && shelf->batches > 0) {
        *surplus = take_last(shelf, slot);
    }
    lock_release(&shelf->lock);
    return wanted;
}

/* False when the shelf or the depot is full. */
static bool keep(unsigned slot, struct cached_list batch)
{
    struct cached_list surplus = cached_list_empty();
    size_t bytes = list_bytes(slot, batch);
    bool stored = brkm__idle_reserve(IDLE_IN_DEPOT, bytes);
    if (stored && !store(slot, batch, &surplus)) {
        brkm__idle_release(IDLE_IN_DEPOT, bytes);
        stored = false;
    }
    if (surplus.count != 0) {
        brkm__heap_free_list(&brkm__main_heap, surplus);
    }
    return stored;
}

void brkm__depot_put(unsigned slot, struct cached_list batch)
{
    bool kept = !size_class_is_medium(slot) && keep(slot, batch);
    probe_depot_put(size_class_slot_size(slot), batch.count, kept);
    if (!kept) {
        brkm__heap_free_list(&brkm__main_heap, batch);
    }
}

struct cached_list brkm__depot_take(unsigned slot)
{
    struct cached_list batch = cached_list_empty();
    if (size_class_is_medium(slot)) {
        return batch;
    }
    struct shelf *shelf = &depot.shelves[slot];
    if (relaxed_load(shelf->unasked) != 0) {
        relaxed_store(shelf->unasked, 0);
    }
    if (relaxed_load(shelf->batches) == 0) {
        return batch;
    }
    lock_acquire(&shelf->lock);
    if (shelf->batches > 0) {
        batch = take_last(shelf, slot);
        probe_depot_take(size_class_slot_size(slot), batch.count);
    }
    lock_release(&shelf->lock);
    return batch;
}

bool brkm__depot_drain(void)
{
    bool drained = false;
    for (unsigned slot = 0; slot < SHELF_COUNT; slot++) {
        for (;;) {
            struct cached_list batch = brkm__depot_take(slot);
            if (batch.count == 0) {
                break;
            }
            brkm__heap_free_list(&brkm__main_heap, batch);
            drained = true;
        }
    }
    return drained;
}

struct depot_totals brkm__depot_totals(void)
{
    struct depot_totals totals = {0};
    for (unsigned slot = 0; slot < SHELF_COUNT; slot++) {
        struct shelf *shelf = &depot.shelves[slot];
        lock_acquire(&shelf->lock);
        for (unsigned i = 0; i < shelf->batches; i++) {
            totals.blocks += depot.batch[slot][i].count;
            totals.bytes += list_bytes(slot, depot.batch[slot][i]);
        }
        totals.contended += shelf->lock.contended;
        lock_release(&shelf->lock);
    }
    return totals;
}

struct lock *brkm__depot_lock(unsigned shelf)
{
    return shelf < SHELF_COUNT ? &depot.shelves[shelf].lock : NULL;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("shelves", depot.shelves),
    FACT_ADDRESS("shelf batches", depot.batch),
    FACT("shelf count", SHELF_COUNT),
    FACT("shelf room", BRKM_DEPOT_BATCHES),
    FACT_SIZE(shelf),
    FACT_OFFSET(shelf, batches),
};
