/* SPDX-License-Identifier: MIT
 * See supply.h. */
#include "cache/supply.h"

#include "cache/depot.h"
#include "cache/thread_cache.h"
#include "heap/heap.h"
#include "kit/footprint.h"
#include "kit/options.h"

/* What waits to be used again as it is can serve other sizes in the heap. */
static void drain(void)
{
    brkm__depot_drain();
    relaxed_load(brkm__cache_keeper)->drain();
}

void brkm__supply_relieve(size_t more)
{
    if (unlikely(brkm__footprint_wants_relief(more)) && brkm__option_get(OPTION_keep_memory) == 0) {
        drain();
        brkm__heap_trim(&brkm__main_heap, 0);
    }
}

static struct mem_control_block *heap_block(size_t size, size_t alignment, enum heap_growth growth,
                                            size_t *dirty)
{
    if (alignment <= BRKM_ALIGNMENT) {
        return brkm__heap_allocate(&brkm__main_heap, size, growth, dirty);
    }
    if (dirty != NULL) {
        *dirty = SIZE_MAX;
    }
    return brkm__heap_allocate_aligned(&brkm__main_heap, size, alignment, growth);
}

/* The rung between the heap as it is and the heap that may grow. */
static BRKM_COLD enum heap_growth prepare_growth(size_t bytes)
{
    drain();
    brkm__supply_relieve(bytes);
    return HEAP_MAY_GROW;
}

struct mem_control_block *brkm__supply_block(size_t size, size_t alignment, size_t *dirty)
{
    struct mem_control_block *block = heap_block(size, alignment, HEAP_AS_IT_IS, dirty);
    return likely(block != NULL) ? block : heap_block(size, alignment, prepare_growth(size), dirty);
}

static struct cached_list take_batch(unsigned slot, size_t alignment)
{
    struct cached_list batch = brkm__depot_take(slot);
    if (batch.count != 0 && (uintptr_t)batch.first % alignment != 0) {
        brkm__depot_put(slot, batch);
        return cached_list_empty();
    }
    return batch;
}

struct cached_list brkm__supply_list(unsigned slot, unsigned count, size_t alignment)
{
    struct heap *heap = &brkm__main_heap;
    size_t size = size_class_slot_size(slot);
    struct cached_list list = take_batch(slot, alignment);
    if (list.count == 0) {
        list = brkm__heap_allocate_list(heap, size, count, alignment, HEAP_AS_IT_IS);
    }
    if (unlikely(list.count == 0)) {
        list = brkm__heap_allocate_list(heap, size, count, alignment, prepare_growth(size * count));
    }
    return list;
}
