/* SPDX-License-Identifier: MIT
 * Layer 9: see depot.h. */
#include "depot.h"

#include <stdatomic.h>

#include "config.h"
#include "heap.h"

/* Only classes whose batches have more than one block are kept: a batch of one saves no locking,
 * and in the heap the block can serve any size. */
#define SHELF_COUNT (BRKM_BATCH_BYTES / 2 / BRKM_ALIGNMENT + 1)

_Static_assert(SHELF_COUNT <= SIZE_CLASS_SLOTS, "a shelf is the place of a slot");

/* The place of one size class. */
struct shelf {
    struct lock lock;
    /* Batches there are. Written under the lock; read without it, relaxed, to pass an empty shelf.
     */
    unsigned batches;
};

static struct {
    /* Apart from the batches, so that a look at all shelves touches few pages. */
    struct shelf shelves[SHELF_COUNT];
    struct cached_list batch[SHELF_COUNT][BRKM_DEPOT_BATCHES];
    /* Bytes on all shelves, by slot size. Changed by whoever puts or takes a batch, relaxed: it is
     * a bound on memory, not on access. */
    _Atomic(size_t) bytes;
} depot;

static bool is_shelved(unsigned slot)
{
    return slot < SHELF_COUNT;
}

static size_t list_bytes(unsigned slot, struct cached_list list)
{
    return list.count * size_class_slot_size(slot);
}

static size_t bound(void)
{
    return max_size(BRKM_DEPOT_BYTES_MIN, heap_handed_out(&brkm__main_heap) / BRKM_DEPOT_SHARE);
}

void brkm__depot_return_to_heap(struct cached_list list)
{
    while (list.count > 0) {
        struct mem_control_block *blocks[BRKM_BATCH_BLOCKS];
        size_t count = 0;
        while (list.count > 0 && count < BRKM_BATCH_BLOCKS) {
            blocks[count++] = brkm__cached_list_pop(&list);
        }
        brkm__heap_free_batch(&brkm__main_heap, blocks, count);
    }
}

/* False when the shelf is full. */
static bool store(unsigned slot, struct cached_list batch)
{
    struct shelf *shelf = &depot.shelves[slot];
    lock_acquire(&shelf->lock);
    bool room = shelf->batches < BRKM_DEPOT_BATCHES;
    if (room) {
        depot.batch[slot][shelf->batches] = batch;
        relaxed_store(shelf->batches, shelf->batches + 1);
    }
    lock_release(&shelf->lock);
    return room;
}

void brkm__depot_put(unsigned slot, struct cached_list batch)
{
    if (!is_shelved(slot)) {
        brkm__depot_return_to_heap(batch);
        return;
    }
    size_t bytes = list_bytes(slot, batch);
    size_t before = atomic_fetch_add_explicit(&depot.bytes, bytes, memory_order_relaxed);
    if (before + bytes > bound() || !store(slot, batch)) {
        atomic_fetch_sub_explicit(&depot.bytes, bytes, memory_order_relaxed);
        brkm__depot_return_to_heap(batch);
    }
}

struct cached_list brkm__depot_take(unsigned slot)
{
    struct cached_list batch = cached_list_empty();
    if (!is_shelved(slot) || relaxed_load(depot.shelves[slot].batches) == 0) {
        return batch;
    }
    struct shelf *shelf = &depot.shelves[slot];
    lock_acquire(&shelf->lock);
    if (shelf->batches > 0) {
        relaxed_store(shelf->batches, shelf->batches - 1);
        batch = depot.batch[slot][shelf->batches];
    }
    lock_release(&shelf->lock);
    if (batch.count > 0) {
        atomic_fetch_sub_explicit(&depot.bytes, list_bytes(slot, batch), memory_order_relaxed);
    }
    return batch;
}

bool brkm__depot_drain(void)
{
    if (atomic_load_explicit(&depot.bytes, memory_order_relaxed) == 0) {
        return false;
    }
    bool drained = false;
    for (unsigned slot = 0; slot < SHELF_COUNT; slot++) {
        for (;;) {
            struct cached_list batch = brkm__depot_take(slot);
            if (batch.count == 0) {
                break;
            }
            brkm__depot_return_to_heap(batch);
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
