/* SPDX-License-Identifier: MIT
 * See depot.h. */
#include "cache/depot.h"

#include "base/config.h"
#include "base/facts.h"
#include "base/probes.h"
#include "cache/idle.h"
#include "kit/own_memory.h"

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

struct depot {
    /* Apart from the batches, so that a look at all shelves touches few pages. */
    struct shelf shelves[SHELF_COUNT];
    struct cached_list batch[SHELF_COUNT][BRKM_DEPOT_BATCHES];
    unsigned heap; /* whose it is, by number; never changes */
};

/* The main heap's. */
static struct depot main_depot;

/* Those of side heaps; NULL where there is none. Each is written once: release in brkm__depot_begin
 * pairs with acquire in side_depot. */
static struct depot *side_depots[BRKM_SIDE_HEAPS_MAX];

static struct depot *side_depot(unsigned index)
{
    return __atomic_load_n(&side_depots[index], __ATOMIC_ACQUIRE);
}

static struct depot *depot_of(const struct heap *heap)
{
    return likely(!heap_is_side(heap)) ? &main_depot : side_depot(heap_number(heap) - 1);
}

void brkm__depot_begin(const struct heap *heap)
{
    struct depot *depot = brkm__own_map(sizeof(*depot));
    if (likely(depot != NULL)) {
        depot->heap = heap_number(heap);
        __atomic_store_n(&side_depots[depot->heap - 1], depot, __ATOMIC_RELEASE);
    }
}

static size_t list_bytes(unsigned slot, struct cached_list list)
{
    return list.count * size_class_slot_size(slot);
}

static struct cached_list take_last(struct depot *depot, unsigned slot)
{
    struct shelf *shelf = &depot->shelves[slot];
    relaxed_store(shelf->batches, shelf->batches - 1);
    struct cached_list batch = depot->batch[slot][shelf->batches];
    brkm__idle_release(IDLE_IN_DEPOT, depot->heap, list_bytes(slot, batch));
    return batch;
}

/* False when the shelf is full or nobody asks for its batches. Then one that lies there goes too,
 * by `surplus`, so that memory which a program has given up does not stay in the depot. */
static bool store(struct depot *depot, unsigned slot, struct cached_list batch,
                  struct cached_list *surplus)
{
    struct shelf *shelf = &depot->shelves[slot];
    lock_acquire(&shelf->lock);
    unsigned unasked = relaxed_load(shelf->unasked) + 1;
    bool wanted = unasked <= UNASKED_MAX && shelf->batches < BRKM_DEPOT_BATCHES;
    relaxed_store(shelf->unasked, unasked);
    if (wanted) {
        depot->batch[slot][shelf->batches] = batch;
        __atomic_store_n(&shelf->batches, shelf->batches + 1, __ATOMIC_RELEASE);
    } else if (unasked > UNASKED_MAX && shelf->batches > 0) {
        *surplus = take_last(depot, slot);
    }
    lock_release(&shelf->lock);
    return wanted;
}

/* False when the shelf or the depot is full. What it keeps may lie there for long: a write to it
 * until now is told now. */
static bool keep(struct depot *depot, unsigned slot, struct cached_list batch)
{
    struct cached_list surplus = cached_list_empty();
    size_t bytes = list_bytes(slot, batch);
    bool stored = brkm__idle_reserve(IDLE_IN_DEPOT, depot->heap, bytes);
    if (stored) {
        brkm__cached_list_verify(batch);
    }
    if (stored && !store(depot, slot, batch, &surplus)) {
        brkm__idle_release(IDLE_IN_DEPOT, depot->heap, bytes);
        stored = false;
    }
    if (surplus.count != 0) {
        brkm__heaps_free_list(surplus);
    }
    return stored;
}

/* A batch of blocks that are all `owner`'s. */
static void put_own(const struct heap *owner, unsigned slot, struct cached_list batch)
{
    struct depot *depot = depot_of(owner);
    bool kept = depot != NULL && !size_class_is_medium(slot) && keep(depot, slot, batch);
    probe_depot_put(size_class_slot_size(slot), batch.count, kept);
    if (!kept) {
        brkm__heaps_free_list(batch);
    }
}

/* True when no block of the list, as far as its links are sound, is another heap's. */
static bool are_all_of(const struct heap *owner, struct cached_list list)
{
    const struct cached_block *block = list.first;
    for (unsigned i = 0; i < list.count && cached_link_is_sound(block); i++) {
        if (heap_of(block_from_payload(block)) != owner) {
            return false;
        }
        block = block->next;
    }
    return true;
}

/* Takes the blocks of the first one's heap out of the list. */
static struct cached_list take_first_owners(struct cached_list *list, struct heap **owner)
{
    struct cached_list own = cached_list_empty();
    struct cached_list others = cached_list_empty();
    *owner = heap_of(block_from_payload(list->first));
    while (list->count != 0) {
        struct mem_control_block *block = cached_list_pop(list);
        brkm__cached_list_push(heap_of(block) == *owner ? &own : &others, block);
    }
    *list = others;
    return own;
}

void brkm__depot_put(unsigned slot, struct cached_list batch)
{
    struct heap *owner = heap_of(block_from_payload(batch.first));
    if (likely(!chunks_exist()) || are_all_of(owner, batch)) {
        put_own(owner, slot, batch);
        return;
    }
    while (batch.count != 0) {
        struct cached_list own = take_first_owners(&batch, &owner);
        put_own(owner, slot, own);
    }
}

static struct cached_list take(struct depot *depot, unsigned slot)
{
    struct cached_list batch = cached_list_empty();
    struct shelf *shelf = &depot->shelves[slot];
    if (relaxed_load(shelf->unasked) != 0) {
        relaxed_store(shelf->unasked, 0);
    }
    if (relaxed_load(shelf->batches) == 0) {
        return batch;
    }
    lock_acquire(&shelf->lock);
    if (shelf->batches > 0) {
        batch = take_last(depot, slot);
        probe_depot_take(size_class_slot_size(slot), batch.count);
    }
    lock_release(&shelf->lock);
    return batch;
}

struct cached_list brkm__depot_take(const struct heap *heap, unsigned slot)
{
    struct depot *depot = depot_of(heap);
    return depot == NULL || size_class_is_medium(slot) ? cached_list_empty() : take(depot, slot);
}

/* ---- All depots ---- */

/* Steps through them: NULL gives the main heap's, the last gives NULL. */
static struct depot *next_depot(const struct depot *depot)
{
    bool found = depot == &main_depot;
    if (depot == NULL) {
        return &main_depot;
    }
    for (unsigned i = 0; i < relaxed_load(brkm__side_heaps_used); i++) {
        struct depot *side = side_depot(i);
        if (found && side != NULL) {
            return side;
        }
        found |= side == depot;
    }
    return NULL;
}

static bool drain(struct depot *depot)
{
    bool drained = false;
    for (unsigned slot = 0; slot < SHELF_COUNT; slot++) {
        for (;;) {
            struct cached_list batch = take(depot, slot);
            if (batch.count == 0) {
                break;
            }
            brkm__heaps_free_list(batch);
            drained = true;
        }
    }
    return drained;
}

bool brkm__depot_drain(void)
{
    bool drained = false;
    for (struct depot *depot = NULL; (depot = next_depot(depot)) != NULL;) {
        drained |= drain(depot);
    }
    return drained;
}

static void add_totals(struct depot_totals *totals, struct depot *depot)
{
    for (unsigned slot = 0; slot < SHELF_COUNT; slot++) {
        struct shelf *shelf = &depot->shelves[slot];
        lock_acquire_to_look(&shelf->lock);
        for (unsigned i = 0; i < shelf->batches; i++) {
            totals->blocks += depot->batch[slot][i].count;
            totals->bytes += list_bytes(slot, depot->batch[slot][i]);
        }
        totals->contended += shelf->lock.contended;
        totals->taken += shelf->lock.taken;
        lock_release(&shelf->lock);
    }
}

struct depot_totals brkm__depot_totals(void)
{
    struct depot_totals totals = {0};
    for (struct depot *depot = NULL; (depot = next_depot(depot)) != NULL;) {
        add_totals(&totals, depot);
        totals.own_bytes += depot != &main_depot ? brkm__own_bytes(sizeof(*depot)) : 0;
    }
    return totals;
}

struct lock *brkm__depot_lock(unsigned shelf)
{
    struct depot *depot = &main_depot;
    for (; depot != NULL && shelf >= SHELF_COUNT; shelf -= (unsigned)SHELF_COUNT) {
        depot = next_depot(depot);
    }
    return depot != NULL ? &depot->shelves[shelf].lock : NULL;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("depot", &main_depot),
    FACT_ADDRESS("side depots", side_depots),
    FACT_OFFSET(depot, shelves),
    FACT_OFFSET(depot, batch),
    FACT("shelf count", SHELF_COUNT),
    FACT("shelf room", BRKM_DEPOT_BATCHES),
    FACT_SIZE(shelf),
    FACT_OFFSET(shelf, batches),
};
