/* SPDX-License-Identifier: MIT
 * Layer 11: the malloc family's semantics: zero sizes, limits, errno, alignment rules, and the
 * choice between thread cache, heap and mapped block. The way of malloc and free:
 *
 *   malloc: alloc_malloc (alloc.h): cache_bin_pop
 *           -> malloc_slow -> cache_refill: depot_take, or heap_allocate_batch
 *                          -> allocate_large: mapped_allocate, or heap_allocate
 *   free:   alloc_free (alloc.h): verify, cache_bin_push
 *           -> free_slow -> cache_keep: depot_put, past its bound heap_free_batch
 *                        -> heap_free or mapped_free, for large blocks */
#include "alloc.h"

#include <errno.h>
#include <string.h>

#include "annotate.h"
#include "block.h"
#include "depot.h"
#include "heap.h"
#include "mapped.h"
#include "options.h"
#include "os.h"
#include "report.h"
#include "size_class.h"
#include "thread_cache.h"
#include "verify.h"

static void *out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* ---- Allocate ---- */

static bool wants_mapping(size_t size)
{
    return size >= brkm__option_get(OPTION_mapped_threshold);
}

/* What an allocation gives besides the address. */
struct allocated {
    void *memory;
    size_t dirty; /* bytes at the start that may be other than zero */
};

/* Gives what the depot, and at last the thread's own cache, hold back to the heap. */
static bool give_back_caches(enum heap_growth next_try)
{
    bool flushed = next_try == HEAP_MAY_GROW ? false : brkm__cache_flush_all();
    return brkm__depot_drain() || flushed;
}

/* A block of the heap, aligned when `alignment` is above 16: from what is there, from what the
 * depot gives back, from the system, and when that has nothing, from the thread's own cache. */
static struct mem_control_block *heap_block(size_t size, size_t alignment, size_t *dirty)
{
    static const enum heap_growth tries[] = {HEAP_AS_IT_IS, HEAP_MAY_GROW, HEAP_AS_IT_IS};
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        bool changed = i == 0 || give_back_caches(tries[i]);
        if (!changed && tries[i] == HEAP_AS_IT_IS) {
            continue;
        }
        struct mem_control_block *block =
            alignment <= BRKM_ALIGNMENT
                ? brkm__heap_allocate(&brkm__main_heap, size, tries[i], dirty)
                : brkm__heap_allocate_aligned(&brkm__main_heap, size, alignment, tries[i]);
        if (block != NULL) {
            return block;
        }
    }
    return NULL;
}

static struct allocated allocate_large(size_t size)
{
    struct allocated result = {NULL, 0};
    if (unlikely(size > PTRDIFF_MAX)) {
        return result;
    }
    bool mapping_first = wants_mapping(size);
    if (mapping_first) {
        result.memory = brkm__mapped_allocate(size, BRKM_ALIGNMENT);
    }
    if (result.memory == NULL && size <= BRKM_HEAP_REQUEST_MAX) {
        struct mem_control_block *block =
            heap_block(block_size_for_request(size), BRKM_ALIGNMENT, &result.dirty);
        result.memory = block == NULL ? NULL : block_payload(block);
    }
    if (result.memory == NULL && !mapping_first) {
        result.memory = brkm__mapped_allocate(size, BRKM_ALIGNMENT);
    }
    return result;
}

/* A block of a cached size. */
static void *allocate_cached(size_t size)
{
    unsigned slot = size_class_slot(block_size_for_request(size));
    void *memory;
    if (likely(cache_bin_pop(&brkm__thread_cache->bins[slot], &memory))) {
        return memory;
    }
    struct mem_control_block *block = brkm__cache_refill(slot);
    return block == NULL ? NULL : block_payload(block);
}

static struct allocated allocate(size_t size)
{
    if (size <= BRKM_CACHED_MAX - BRKM_HEADER_SIZE) {
        void *memory = allocate_cached(size);
        if (likely(memory != NULL)) {
            return (struct allocated){memory, SIZE_MAX};
        }
    }
    return allocate_large(size);
}

/* The first cached block of the right size, when it happens to be aligned: aligned blocks that were
 * freed are found again so. */
static void *take_cached_aligned(size_t alignment, size_t size)
{
    void *memory = NULL;
    if (size <= BRKM_CACHED_MAX - BRKM_HEADER_SIZE) {
        unsigned slot = size_class_slot(block_size_for_request(size));
        struct cache_bin *bin = &brkm__thread_cache->bins[slot];
        if ((uintptr_t)bin->first % alignment == 0) {
            cache_bin_pop(bin, &memory);
        }
    }
    return memory;
}

/* `alignment` is a power of two. */
static void *allocate_aligned(size_t alignment, size_t size)
{
    if (alignment <= BRKM_ALIGNMENT) {
        return allocate(size).memory;
    }
    size_t most;
    if (__builtin_add_overflow(size, alignment, &most) || most > PTRDIFF_MAX) {
        return NULL;
    }
    void *memory = take_cached_aligned(alignment, size);
    bool mapping_first = wants_mapping(most);
    if (memory == NULL && mapping_first) {
        memory = brkm__mapped_allocate(size, alignment);
    }
    if (memory == NULL && most <= BRKM_HEAP_REQUEST_MAX) {
        struct mem_control_block *block = heap_block(block_size_for_request(size), alignment, NULL);
        memory = block == NULL ? NULL : block_payload(block);
    }
    if (memory == NULL && !mapping_first) {
        memory = brkm__mapped_allocate(size, alignment);
    }
    return memory;
}

/* The last step of every function that returns memory. */
static void *hand_out(void *memory, size_t size, bool zeroed)
{
    if (unlikely(memory == NULL)) {
        return out_of_memory();
    }
    annotate_allocated(memory, size, zeroed);
    return memory;
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

static void free_in_heap(struct mem_control_block *block, const char *caller)
{
    size_t size = block_short_size(block);
    if (size > BRKM_CACHED_MAX) {
        brkm__heap_free(&brkm__main_heap, block, caller);
        return;
    }
    struct cache_bin *bin = &brkm__thread_cache->bins[size_class_slot_below(size)];
    if (unlikely(!cache_bin_push(bin, block))) {
        brkm__cache_keep(block_payload(block));
    }
}

static void give_back(void *memory, struct held held, const char *caller)
{
    if (held.origin == ORIGIN_HEAP) {
        free_in_heap(block_from_payload(memory), caller);
    } else {
        learn_from_freed_mapping(brkm__mapped_free(memory));
    }
}

static void free_verified(void *memory, struct held held, const char *caller)
{
    annotate_freed(memory);
    give_back(memory, held, caller);
}

static void free_for(void *memory, const char *caller)
{
    if (memory != NULL) {
        free_verified(memory, brkm__verify_in_use(memory, caller), caller);
    }
}

/* The largest usable size that a request of `size` bytes can have got: its class's block and a rest
 * too small to split off, or whole pages of a mapping. */
static size_t largest_usable(size_t size, enum origin origin)
{
    size_t block = block_size_for_request(size);
    if (origin == ORIGIN_MAPPED) {
        return block + brkm__os_page_size();
    }
    if (block <= BRKM_CACHED_MAX) {
        /* realloc leaves a block as it is until it is twice as large as needed. */
        block = 2 * size_class_slot_size(size_class_slot(block));
    }
    return block + BRKM_MIN_BLOCK;
}

static void free_sized_for(void *memory, size_t size, size_t alignment, const char *caller)
{
    if (memory == NULL) {
        return;
    }
    struct held held = brkm__verify_in_use(memory, caller);
    bool size_fits =
        size <= held.usable_size && held.usable_size <= largest_usable(size, held.origin);
    bool is_aligned = is_power_of_two(alignment) && (uintptr_t)memory % alignment == 0;
    if (!size_fits || !is_aligned) {
        brkm__fatal(FAULT_SIZE_MISMATCH, (struct fault_place){.address = memory,
                                                              .block_size = held.usable_size,
                                                              .caller = caller});
    }
    free_verified(memory, held, caller);
}

/* ---- Resize ---- */

static void *move(void *memory, struct held held, size_t size)
{
    void *moved = allocate(size).memory;
    if (moved == NULL) {
        return NULL;
    }
    annotate_allocated(moved, size, true);
    memcpy(moved, memory, min_size(size, held.usable_size));
    annotate_forgotten(memory, held.usable_size);
    give_back(memory, held, "realloc");
    return moved;
}

/* True when the block can stay as it is: large enough, and not twice as large as needed. */
static bool can_stay(size_t old_block, size_t new_block)
{
    return new_block <= old_block &&
           (old_block <= BRKM_CACHED_MAX ? old_block / 2 < new_block : old_block == new_block);
}

static void *resize_in_heap(void *memory, struct held held, size_t size)
{
    struct mem_control_block *block = block_from_payload(memory);
    size_t old_block = block_short_size(block);
    size_t new_block = size <= BRKM_HEAP_REQUEST_MAX ? block_size_for_request(size) : SIZE_MAX;
    bool stays = can_stay(old_block, new_block);
    /* Small blocks stand in runs of their own kind, where there is no room to grow into. */
    if (!stays && new_block != SIZE_MAX && max_size(old_block, new_block) > BRKM_CACHED_EXACT_MAX) {
        stays = brkm__heap_resize(&brkm__main_heap, block, new_block, "realloc");
    }
    if (stays) {
        annotate_allocated(memory, size, true);
        return memory;
    }
    return move(memory, held, size);
}

static void *resize_mapped(void *memory, struct held held, size_t size)
{
    if (size < brkm__option_get(OPTION_mapped_threshold) / 2) {
        void *moved = move(memory, held, size);
        if (moved != NULL) {
            return moved;
        }
    }
    void *resized = brkm__mapped_resize(memory, size);
    if (resized == NULL) {
        return move(memory, held, size);
    }
    annotate_allocated(resized, size, true);
    return resized;
}

/* ---- The malloc family ---- */

BRKM_NOINLINE void *brkm__malloc_slow(size_t size)
{
    return hand_out(allocate(size).memory, size, false);
}

/* Cached sizes above the exact ones, which need a class, come first. */
BRKM_NOINLINE void brkm__free_slow(void *memory)
{
    if (likely(regions_window_contains(memory))) {
        struct mem_control_block *block = block_from_payload(memory);
        size_t size = block_short_size(block);
        if (size <= BRKM_CACHED_MAX && alloc_is_sound(block, size)) {
            annotate_freed(memory);
            free_in_heap(block, "free");
            return;
        }
    }
    free_for(memory, "free");
}

void *brkm_malloc(size_t size)
{
    return alloc_malloc(size);
}

void brkm_free(void *memory)
{
    alloc_free(memory);
}

void brkm_cfree(void *memory)
{
    free_for(memory, "cfree");
}

void brkm_free_sized(void *memory, size_t size)
{
    free_sized_for(memory, size, 1, "free_sized");
}

void brkm_free_aligned_sized(void *memory, size_t alignment, size_t size)
{
    free_sized_for(memory, size, alignment, "free_aligned_sized");
}

void *brkm_calloc(size_t count, size_t size)
{
    size_t total;
    if (unlikely(__builtin_mul_overflow(count, size, &total))) {
        return out_of_memory();
    }
    struct allocated result = allocate(total);
    if (likely(result.memory != NULL)) {
        annotate_allocated(result.memory, total, true);
        memset(result.memory, 0, min_size(total, result.dirty));
        return result.memory;
    }
    return out_of_memory();
}

void *brkm_realloc(void *memory, size_t size)
{
    if (memory == NULL) {
        return brkm_malloc(size);
    }
    struct held held = brkm__verify_in_use(memory, "realloc");
    if (size == 0) {
        free_verified(memory, held, "realloc");
        return NULL;
    }
    if (unlikely(size > PTRDIFF_MAX)) {
        return out_of_memory();
    }
    annotate_suspended(memory, held.usable_size);
    if (size < held.usable_size) {
        annotate_forgotten((char *)memory + size, held.usable_size - size);
    }
    void *resized = held.origin == ORIGIN_HEAP ? resize_in_heap(memory, held, size)
                                               : resize_mapped(memory, held, size);
    if (unlikely(resized == NULL)) {
        annotate_allocated(memory, held.usable_size, true);
        return out_of_memory();
    }
    return resized;
}

void *brkm_reallocarray(void *memory, size_t count, size_t size)
{
    size_t total;
    if (unlikely(__builtin_mul_overflow(count, size, &total))) {
        return out_of_memory();
    }
    return brkm_realloc(memory, total);
}

void *brkm_memalign(size_t alignment, size_t size)
{
    size_t rounded = power_of_two_above(alignment);
    if (unlikely(rounded == 0)) {
        errno = EINVAL;
        return NULL;
    }
    return hand_out(allocate_aligned(rounded, size), size, false);
}

void *brkm_aligned_alloc(size_t alignment, size_t size)
{
    if (unlikely(!is_power_of_two(alignment))) {
        errno = EINVAL;
        return NULL;
    }
    return hand_out(allocate_aligned(alignment, size), size, false);
}

int brkm_posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (unlikely(!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)) {
        return EINVAL;
    }
    void *aligned = hand_out(allocate_aligned(alignment, size), size, false);
    if (unlikely(aligned == NULL)) {
        return ENOMEM;
    }
    *memory = aligned;
    return 0;
}

void *brkm_valloc(size_t size)
{
    return hand_out(allocate_aligned(brkm__os_page_size(), size), size, false);
}

void *brkm_pvalloc(size_t size)
{
    size_t page = brkm__os_page_size();
    if (unlikely(size > PTRDIFF_MAX - page)) {
        return out_of_memory();
    }
    return brkm_valloc(align_up(max_size(size, 1), page));
}

size_t brkm_malloc_usable_size(void *memory)
{
    return memory == NULL ? 0 : brkm__verify_in_use(memory, "malloc_usable_size").usable_size;
}

int brkm_malloc_trim(size_t pad)
{
    give_back_caches(HEAP_AS_IT_IS);
    return brkm__heap_trim(&brkm__main_heap, pad) != 0;
}
