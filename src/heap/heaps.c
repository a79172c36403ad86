/* SPDX-License-Identifier: MIT
 * See heaps.h. */
#include "heap/heaps.h"

#include "heap/purge.h"
#include "heap/walk.h"
#include "kit/alarm.h"

struct heap brkm__side_heaps[BRKM_SIDE_HEAPS_MAX];
unsigned brkm__side_heaps_used;

/* Numbers from the last side heap to the main heap: the order in which locks are taken. */
static unsigned last_number(void)
{
    return relaxed_load(brkm__side_heaps_used);
}

struct heap *brkm__heaps_begin(unsigned most)
{
    struct heap *begun = NULL;
    lock_acquire(&brkm__main_heap.lock);
    unsigned used = relaxed_load(brkm__side_heaps_used);
    if (used < min_size(most, BRKM_SIDE_HEAPS_MAX)) {
        begun = &brkm__side_heaps[used];
        relaxed_store(brkm__side_heaps_used, used + 1);
    }
    lock_release(&brkm__main_heap.lock);
    return begun;
}

/* ---- Blocks ---- */

void brkm__heaps_free(struct mem_control_block *block, const char *caller)
{
    brkm__heap_free(heap_of(block), block, caller);
}

void brkm__heaps_free_list(struct cached_list list)
{
    while (list.count != 0) {
        list = brkm__heap_free_list(heap_of(block_from_payload(list.first)), list);
    }
}

bool brkm__heaps_resize(struct mem_control_block *block, size_t size, const char *caller)
{
    return brkm__heap_resize(heap_of(block), block, size, caller);
}

/* ---- All locks ---- */

static void release_from(unsigned number)
{
    for (unsigned i = 0; i <= number; i++) {
        lock_release(&heap_numbered(i)->lock);
    }
}

void brkm__heaps_acquire(void)
{
    for (;;) {
        unsigned last = last_number();
        for (unsigned i = last + 1; i-- > 0;) {
            lock_acquire_to_look(&heap_numbered(i)->lock);
        }
        /* With the main heap's lock held no further one begins. */
        if (last == last_number()) {
            return;
        }
        release_from(last);
    }
}

void brkm__heaps_release(void)
{
    release_from(last_number());
}

bool brkm__heaps_are_awaited(void)
{
    bool awaited = false;
    for (unsigned i = 0; i <= last_number(); i++) {
        awaited |= lock_is_awaited(&heap_numbered(i)->lock);
    }
    return awaited;
}

/* ---- The check of checked builds ---- */

/* Takes the locks of all heaps but `own`, or none. */
static bool try_others(const struct heap *own)
{
    for (unsigned i = 0; i <= last_number(); i++) {
        if (heap_numbered(i) != own && !brkm__lock_try(&heap_numbered(i)->lock)) {
            while (i-- > 0) {
                if (heap_numbered(i) != own) {
                    lock_release(&heap_numbered(i)->lock);
                }
            }
            return false;
        }
    }
    return true;
}

static void release_others(const struct heap *own)
{
    for (unsigned i = 0; i <= last_number(); i++) {
        if (heap_numbered(i) != own) {
            lock_release(&heap_numbered(i)->lock);
        }
    }
}

bool brkm__heaps_are_sound(struct heap *heap)
{
    if (!try_others(heap)) {
        return true;
    }
    bool sound = brkm__walk_is_sound();
    release_others(heap);
    return sound;
}

/* ---- Sums ---- */

void brkm__heaps_return_chunks(void)
{
    for (unsigned i = last_number(); i > 0; i--) {
        brkm__heap_return_chunks(heap_numbered(i));
    }
}

size_t brkm__heaps_trim(size_t pad)
{
    size_t released = 0;
    for (unsigned i = last_number() + 1; i-- > 0;) {
        released += brkm__heap_trim(heap_numbered(i), pad);
    }
    return released;
}

struct heap_look brkm__heaps_look(void)
{
    struct heap_look sum = {0};
    for (unsigned i = last_number() + 1; i-- > 0;) {
        struct heap_look look = brkm__heap_look(heap_numbered(i));
        sum.calls += look.calls;
        sum.dirty += look.dirty;
        sum.regretted |= look.regretted;
    }
    return sum;
}

size_t brkm__heaps_decay(size_t keep, bool *finished)
{
    size_t released = 0;
    *finished = true;
    for (unsigned i = last_number() + 1; i-- > 0;) {
        bool one_finished;
        released += brkm__heap_decay(heap_numbered(i), keep, &one_finished);
        *finished &= one_finished;
    }
    return released;
}

bool brkm__heaps_set_alarm(bool anyway)
{
    bool set = true;
    brkm__heaps_acquire();
    for (unsigned i = 0; i <= last_number() && !anyway; i++) {
        set &= brkm__purge_is_within(heap_numbered(i));
    }
    if (set) {
        brkm__alarm_set();
    }
    brkm__heaps_release();
    return set;
}

struct heaps_totals brkm__heaps_totals(void)
{
    struct heaps_totals sum = {0};
    for (unsigned i = 0; i <= last_number(); i++) {
        const struct heap *heap = heap_numbered(i);
        sum.allocations += heap->allocations;
        sum.frees += heap->frees;
        sum.contended += heap->lock.contended;
        sum.taken += heap->lock.taken;
        sum.in_use_bytes += heap->in_use_bytes;
        sum.in_use_blocks += heap->in_use_blocks;
        sum.in_use_peak += heap->in_use_peak;
        sum.free_bytes += heap->bins.bytes;
        sum.free_blocks += heap->bins.blocks;
    }
    return sum;
}
