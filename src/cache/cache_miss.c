/* SPDX-License-Identifier: MIT
 * See cache_miss.h. */
#include "cache/cache_miss.h"

#include "base/probes.h"
#include "cache/cache_budget.h"
#include "cache/cache_life.h"
#include "cache/depot.h"
#include "cache/medium.h"
#include "cache/supply.h"
#include "heap/block.h"
#include "heap/heaps.h"

/* ---- Refill ---- */

static struct mem_control_block *use_first(struct cached_list *list)
{
    if (list->count == 0) {
        return NULL;
    }
    struct mem_control_block *block = cached_list_pop(list);
    block_change_state(block, BLOCK_CACHED, BLOCK_IN_USE);
    return block;
}

static struct mem_control_block *refill_one(struct thread_cache *cache, size_t size,
                                            size_t alignment)
{
    struct mem_control_block *block = brkm__supply_block(size, alignment, NULL);
    probe_refill(cache->number, size, block != NULL);
    return block;
}

/* Fills the empty slot but for the first block, which is for the caller. */
static struct mem_control_block *refill_batch(struct thread_cache *cache, unsigned slot,
                                              size_t alignment)
{
    struct cache_bin *bin = &cache->bins[slot];
    bin->batch = (uint8_t)min_size(max_size((size_t)bin->batch * 2, 1), size_class_batch(slot));
    struct cached_list list = brkm__supply_list(slot, bin->batch, alignment);
    probe_refill(cache->number, size_class_slot_size(slot), list.count);
    struct mem_control_block *first = use_first(&list);
    if (list.count > bin->capacity) {
        brkm__budget_grow_slot(cache, slot, list.count - bin->capacity);
    }
    if (list.count > bin->capacity) {
        struct cached_list fitting = brkm__cached_list_cut(&list, bin->capacity);
        brkm__depot_put(slot, list);
        list = fitting;
    }
    brkm__cache_bin_fill(bin, list);
    return first;
}

static struct mem_control_block *refill(struct thread_cache *cache, size_t size, size_t alignment)
{
    unsigned slot = size_class_slot_below(size);
    const struct cached_block *first = cache->bins[slot].first;
    if (unlikely(first != CACHED_END && !cached_link_is_sound(first))) {
        /* What the fast path took for an empty slot. */
        brkm__cached_link_is_bad(first);
    }
    brkm__budget_note_refill(cache, slot);
    bool is_empty = cache->bins[slot].first == CACHED_END;
    return is_empty && !size_class_is_medium(slot) ? refill_batch(cache, slot, alignment)
                                                   : refill_one(cache, size, alignment);
}

struct mem_control_block *brkm__cache_refill(size_t size, size_t alignment)
{
    struct thread_cache *cache = cache_own();
    if (likely(cache != NULL)) {
        return refill(cache, size, alignment);
    }
    return brkm__supply_block(size, alignment, NULL);
}

/* ---- Flush ---- */

/* Makes room for a block in an exact slot: by more capacity while the class starts, and when it was
 * refilled since the last flush; otherwise, or past the budget, a batch goes to the depot. In a
 * phase of frees alone capacity does not start slowly, and all blocks go: nothing asks for what
 * would be kept. */
static bool make_room(struct thread_cache *cache, unsigned slot)
{
    struct cache_bin *bin = &cache->bins[slot];
    unsigned batch = size_class_batch(slot);
    bool wants_more = bin->capacity < 2 * batch || bin->history == CACHE_HISTORY_REFILLED;
    brkm__budget_note_flush(cache, slot);
    bool gives_back = brkm__budget_is_giving_back(cache);
    if (bin->room == 0 && wants_more) {
        size_t slow = max_size(bin->capacity, 1);
        brkm__budget_grow_slot(cache, slot, gives_back ? batch : (unsigned)min_size(slow, batch));
    }
    if (bin->room == 0) {
        unsigned most = gives_back ? UINT8_MAX : batch;
        unsigned count = (unsigned)min_size(most, cache_bin_length(bin));
        if (count != 0) {
            brkm__depot_put(slot, brkm__cache_take_out(cache, slot, count));
        }
        brkm__budget_obey(cache, slot);
    }
    return bin->room != 0;
}

static bool keep(struct thread_cache *cache, struct mem_control_block *block)
{
    size_t size = block_short_size(block);
    if (size > BRKM_CACHED_EXACT_MAX) {
        struct medium_slot class = size_class_medium_below(size);
        brkm__budget_note_flush(cache, class.slot);
        return medium_keep(cache, class, block);
    }
    unsigned slot = size_class_slot_below(size);
    return make_room(cache, slot) &&
           cache_bin_push(&cache->bins[slot], block, block_load_seal(block));
}

void brkm__cache_keep(struct mem_control_block *block)
{
    struct thread_cache *cache = cache_own();
    if (cache == NULL || !keep(cache, block)) {
        brkm__heaps_free(block, "free");
    }
}
