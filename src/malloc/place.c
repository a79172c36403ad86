/* SPDX-License-Identifier: MIT
 * See place.h. */
#include "malloc/place.h"

#include <errno.h>

#include "base/probes.h"
#include "base/valgrind.h"
#include "cache/cache_life.h"
#include "cache/cache_miss.h"
#include "cache/depot.h"
#include "cache/medium.h"
#include "cache/supply.h"
#include "cache/thread_cache.h"
#include "heap/block.h"
#include "heap/heaps.h"
#include "heap/mapped.h"
#include "heap/regions.h"
#include "heap/rows.h"
#include "heap/size_class.h"
#include "kit/options.h"
#include "kit/report.h"
#include "malloc/perturb.h"
#include "malloc/watcher.h"
#include "system/os.h"

/* ---- Allocate ---- */

bool brkm__serve_wants_mapping(size_t size)
{
    return size >= brkm__option_get(OPTION_mapped_threshold) &&
           brkm__option_get(OPTION_keep_memory) == 0;
}

/* A block of the heap. When memory is short, the thread's own cache is given back first. */
static void *heap_block(size_t size, size_t alignment, size_t *dirty)
{
    struct mem_control_block *block = brkm__supply_block(size, alignment, dirty);
    if (unlikely(block == NULL) && brkm__cache_flush_all()) {
        block = brkm__supply_block(size, alignment, dirty);
    }
    return block == NULL ? NULL : block_payload(block);
}

static void *mapped_block(size_t size, size_t alignment)
{
    brkm__supply_relieve(size);
    return brkm__mapped_allocate(size, alignment);
}

/* Below the hard limit there may be room once all that is free went back to the system. */
static bool make_room_below_limit(size_t size)
{
    size_t limit = brkm__option_get(OPTION_limit_hard);
    if (limit == 0 || size > limit) {
        return false;
    }
    brkm__cache_flush_all();
    brkm__depot_drain();
    brkm__serve_drain_rows();
    return brkm__heaps_trim(0) != 0;
}

/* What the thread's cache does not serve, for its size or because it has nothing that fits. */
struct large_request {
    size_t size;
    size_t alignment;
    size_t block_size; /* of a block in the heap */
    size_t most;       /* bytes that the heap must be able to give for it */
};

static struct allocated try_large(const struct large_request *request)
{
    struct allocated result = {NULL, 0};
    bool mapping_first = brkm__serve_wants_mapping(request->most) && brkm__mapped_is_wanted();
    if (mapping_first) {
        result.memory = mapped_block(request->size, request->alignment);
    }
    if (result.memory == NULL && request->most <= BRKM_HEAP_REQUEST_MAX) {
        result.memory = heap_block(request->block_size, request->alignment, &result.dirty);
    }
    if (result.memory == NULL && !mapping_first) {
        result.memory = mapped_block(request->size, request->alignment);
    }
    return result;
}

static struct allocated serve_large(const struct large_request *request)
{
    if (unlikely(request->most > PTRDIFF_MAX)) {
        return (struct allocated){NULL, 0};
    }
    struct allocated result = try_large(request);
    if (unlikely(result.memory == NULL) && make_room_below_limit(request->most)) {
        result = try_large(request);
    }
    return result;
}

/* While memory is filled no thread has a cache, and each block comes this way, as it leaves by
 * keep. */
static BRKM_COLD struct mem_control_block *refill_filled(size_t block_size, size_t alignment)
{
    /* Ends the thread's cache, if it has one still. */
    cache_own();
    struct mem_control_block *block = brkm__perturb_take(block_size, alignment);
    if (block == NULL) {
        block = brkm__cache_refill(block_size, alignment);
    }
    if (block == NULL && brkm__perturb_drain()) {
        block = brkm__cache_refill(block_size, alignment);
    }
    if (block != NULL) {
        brkm__perturb_new(block_payload(block), block_usable_size(block));
    }
    return block;
}

static void *refill(size_t block_size, size_t alignment)
{
    struct mem_control_block *block = likely(!caches_are_closed())
                                          ? brkm__cache_refill(block_size, alignment)
                                          : refill_filled(block_size, alignment);
    return unlikely(block == NULL) ? NULL : block_payload(block);
}

void *brkm__serve_hit(size_t size)
{
    size_t block_size = block_size_for_request(size);
    struct thread_cache *cache = brkm__thread_cache;
    void *memory;
    if (block_size > BRKM_CACHED_EXACT_MAX) {
        return medium_take(cache, size_class_medium_for(size));
    }
    return cache_bin_pop(cache_exact_bin(cache, block_size), &memory) ? memory : NULL;
}

/* Bytes of the smallest block for which the next classes are looked at: of smaller ones a refill
 * brings more than eight, and a miss is rare. */
#define NEAR_MIN (BRKM_BATCH_BYTES / 8)

/* A block of the slots after an exact one that has none, as long as it wastes little. NULL when
 * they are empty too. */
static void *take_near(struct thread_cache *cache, size_t block_size)
{
    size_t most = min_size(block_size + block_size / BRKM_CACHED_WASTE, BRKM_CACHED_EXACT_MAX);
    struct cache_bin *bin = cache_exact_bin(cache, block_size);
    struct cache_bin *last = cache_exact_bin(cache, most / BRKM_ALIGNMENT * BRKM_ALIGNMENT);
    void *memory;
    while (bin->first == CACHED_END && bin < last) {
        bin++;
    }
    if (likely(bin->first == CACHED_END)) {
        return NULL;
    }
    if (unlikely(!cache_bin_pop(bin, &memory))) {
        brkm__cached_link_is_bad(bin->first);
    }
    return memory;
}

void *brkm__serve_missed(size_t size)
{
    size_t block_size = block_size_for_request(size);
    if (block_size > BRKM_CACHED_EXACT_MAX) {
        return refill(size_class_medium_for(size).size, BRKM_ALIGNMENT);
    }
    void *memory = block_size >= NEAR_MIN ? take_near(brkm__thread_cache, block_size) : NULL;
    return memory != NULL ? memory : refill(block_size, BRKM_ALIGNMENT);
}

void *brkm__serve_cached(size_t size)
{
    void *memory = brkm__serve_hit(size);
    return likely(memory != NULL) ? memory : brkm__serve_missed(size);
}

struct allocated brkm__serve(size_t size)
{
    if (size <= BRKM_CACHED_MAX - BRKM_HEADER_SIZE) {
        void *memory = brkm__serve_cached(size);
        if (likely(memory != NULL)) {
            return (struct allocated){memory, SIZE_MAX};
        }
    }
    const struct large_request request = {
        .size = size,
        .alignment = BRKM_ALIGNMENT,
        .block_size = block_size_for_request(size),
        .most = size,
    };
    return serve_large(&request);
}

/* The block size for an aligned request, such that blocks that were freed fit again. Blocks of a
 * multiple of their alignment stand aligned side by side, so that a refill gives a run of them; for
 * small sizes that is worth up to as much again. */
static size_t aligned_block_size(size_t alignment, size_t size)
{
    size_t exact = block_size_for_request(size);
    if (exact > BRKM_CACHED_EXACT_MAX) {
        return exact <= BRKM_CACHED_MAX ? size_class_medium_above(exact).size : exact;
    }
    size_t rounded = align_up(exact, alignment);
    return rounded <= 2 * exact && rounded <= BRKM_CACHED_EXACT_MAX ? rounded : exact;
}

/* A block of a cached size from the thread's cache; NULL when there is none that is aligned, unless
 * a refill gives aligned blocks. */
static void *serve_cached_aligned(size_t alignment, size_t block_size)
{
    struct thread_cache *cache = brkm__thread_cache;
    unsigned slot = size_class_slot(block_size);
    void *memory;
    if (brkm__cache_bin_pop_aligned(&cache->bins[slot], alignment, &memory)) {
        if (block_size > BRKM_CACHED_EXACT_MAX) {
            cache->medium_spent -= size_class_slot_size(slot);
        }
        return memory;
    }
    if (block_size > BRKM_CACHED_EXACT_MAX || block_size % alignment != 0) {
        return NULL;
    }
    return refill(block_size, alignment);
}

void *brkm__serve_aligned(size_t alignment, size_t size)
{
    if (alignment <= BRKM_ALIGNMENT) {
        return brkm__serve(size).memory;
    }
    size_t most;
    if (__builtin_add_overflow(size, alignment, &most) || most > PTRDIFF_MAX) {
        return NULL;
    }
    const struct large_request request = {
        .size = size,
        .alignment = alignment,
        .block_size = aligned_block_size(alignment, size),
        .most = most,
    };
    void *memory = NULL;
    if (request.block_size <= BRKM_CACHED_MAX) {
        memory = serve_cached_aligned(alignment, request.block_size);
    }
    return memory != NULL ? memory : serve_large(&request).memory;
}

/* Not while memory is filled or bytes behind a block are verified, and not where a tool would see
 * that the bytes in front of a place are read as a header. */
static bool rows_are_used(void)
{
#ifdef BRKM_THREAD_SANITIZER
    return false;
#else
    return !BRKM_VALGRIND && watcher_get() == NULL && !brkm__perturb_is_on();
#endif
}

void *brkm__serve_row(size_t alignment, size_t size)
{
    if (!rows_want(alignment, size) || !rows_are_used()) {
        return NULL;
    }
    void *memory = brkm__rows_take(alignment, size);
    if (likely(memory != NULL)) {
        return memory;
    }
    size_t bytes = brkm__rows_next_bytes(alignment, size);
    struct mem_control_block *block =
        brkm__supply_block(block_size_for_request(bytes), alignment, NULL);
    if (block == NULL) {
        return NULL;
    }
    memory = brkm__rows_begin(block, alignment, size);
    if (unlikely(memory == NULL)) {
        brkm__heaps_free(block, "aligned_alloc");
    }
    return memory;
}

struct allocated brkm__serve_any(size_t size, size_t alignment)
{
    if (alignment <= BRKM_ALIGNMENT) {
        return brkm__serve(size);
    }
    return (struct allocated){brkm__serve_aligned(alignment, size), SIZE_MAX};
}

size_t brkm__serve_room(const void *memory)
{
    size_t room = 0;
    if (regions_contain_payload(memory)) {
        return block_usable_size(block_from_payload(memory));
    }
    brkm__mapped_find(memory, &room);
    return room;
}

/* ---- Free ---- */

/* A program that frees a large mapped block will want one again: the next comes from the heap, and
 * the top keeps as much. */
static void learn_from_freed_mapping(size_t size)
{
    if (size <= BRKM_MAPPED_THRESHOLD_MAX) {
        brkm__option_raise(OPTION_mapped_threshold, size);
        brkm__option_raise(OPTION_trim_threshold, 2 * size);
    }
}

static void keep(struct mem_control_block *block)
{
    if (likely(!caches_are_closed() || cache_own() != NULL || !brkm__perturb_is_on())) {
        brkm__cache_keep(block);
    } else {
        brkm__perturb_keep(block);
    }
}

BRKM_ENTRY_OF(free) void brkm__free_missed(void *memory)
{
    struct mem_control_block *block = block_from_payload(memory);
    if (unlikely(!block_is(block, BLOCK_IN_USE))) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = memory, .caller = "free"});
    }
    keep(block);
}

void brkm__serve_free_cached(struct mem_control_block *block, size_t size)
{
    struct thread_cache *cache = brkm__thread_cache;
    bool kept = size > BRKM_CACHED_EXACT_MAX
                    ? medium_keep(cache, size_class_medium_below(size), block)
                    : cache_bin_push(cache_exact_bin(cache, size), block, block_load_seal(block));
    if (unlikely(!kept)) {
        keep(block);
    }
}

static void free_in_heap(struct mem_control_block *block, const char *caller)
{
    size_t size = block_short_size(block);
    if (size <= BRKM_CACHED_MAX) {
        brkm__serve_free_cached(block, size);
    } else {
        brkm__perturb_freed(block_payload(block), block_usable_size(block));
        brkm__heaps_free(block, caller);
    }
}

static void free_row(struct mem_control_block *row, const char *caller)
{
    if (row != NULL) {
        brkm__heaps_free(row, caller);
    }
}

void brkm__serve_drain_rows(void)
{
    free_row(brkm__rows_give_empty(), "malloc_trim");
}

bool brkm__serve_free_row(void *memory)
{
    struct mem_control_block *empty;
    if (unlikely(brkm__perturb_is_on()) || !brkm__rows_free(memory, &empty)) {
        return false;
    }
    free_row(empty, "free");
    return true;
}

static void free_place(void *memory, struct held held, const char *caller)
{
    struct mem_control_block *empty;
    brkm__perturb_freed(memory, held.usable_size);
    if (unlikely(!brkm__rows_free(memory, &empty))) {
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){memory, held.usable_size, caller});
    }
    free_row(empty, caller);
}

void brkm__take_back(void *memory, struct held held, const char *caller)
{
    if (held.origin == ORIGIN_HEAP) {
        free_in_heap(block_from_payload(memory), caller);
    } else if (held.origin == ORIGIN_ROW) {
        free_place(memory, held, caller);
    } else {
        learn_from_freed_mapping(brkm__mapped_free(memory));
    }
}
