/* SPDX-License-Identifier: MIT
 * Layer 9: the malloc family's semantics: zero sizes, limits, errno, alignment rules, and the
 * choice between the heap and a mapped block. The way of malloc and free begins here:
 *
 *   malloc: allocate -> heap_allocate: take_from_bins, or grow_top and top_carve
 *                    -> mapped_allocate, for large blocks
 *   free:   verify_in_use -> heap_free: coalesce_and_release
 *                         -> mapped_free */
#include "brkmalloc/brkmalloc.h"

#include <errno.h>
#include <string.h>

#include "annotate.h"
#include "base.h"
#include "block.h"
#include "heap.h"
#include "mapped.h"
#include "options.h"
#include "os.h"
#include "regions.h"
#include "report.h"

/* Where a block came from. */
enum origin { ORIGIN_HEAP, ORIGIN_MAPPED };

/* A block that was verified. */
struct held {
    enum origin origin;
    size_t usable_size;
};

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

static struct allocated allocate_from_heap(size_t size)
{
    struct allocated result = {NULL, 0};
    if (size <= BRKM_HEAP_REQUEST_MAX) {
        struct mem_control_block *block = brkm__heap_allocate(
            &brkm__main_heap, block_size_for_request(size), &result.dirty);
        result.memory = block == NULL ? NULL : block_payload(block);
    }
    return result;
}

static struct allocated allocate(size_t size)
{
    struct allocated result = {NULL, 0};
    if (unlikely(size > PTRDIFF_MAX)) {
        return result;
    }
    bool mapping_first = wants_mapping(size);
    if (mapping_first) {
        result.memory = brkm__mapped_allocate(size, BRKM_ALIGNMENT);
    }
    if (result.memory == NULL) {
        result = allocate_from_heap(size);
    }
    if (result.memory == NULL && !mapping_first) {
        result.memory = brkm__mapped_allocate(size, BRKM_ALIGNMENT);
    }
    return result;
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
    void *memory = wants_mapping(most) ? brkm__mapped_allocate(size, alignment) : NULL;
    if (memory == NULL && most <= BRKM_HEAP_REQUEST_MAX) {
        struct mem_control_block *block = brkm__heap_allocate_aligned(
            &brkm__main_heap, block_size_for_request(size), alignment);
        memory = block == NULL ? NULL : block_payload(block);
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

/* ---- Verify ---- */

/* Says what is wrong with `memory`, whose header is not that of a block in use. */
static _Noreturn BRKM_COLD void reject(const void *memory, enum block_state state,
                                       const char *caller)
{
    struct fault_place place = {.address = memory, .caller = caller};
    if (state == BLOCK_CACHED || state == BLOCK_FREE) {
        place.block_size = block_usable_size(block_from_payload(memory));
        bool frees = strstr(caller, "free") != NULL;
        brkm__fatal(frees ? FAULT_DOUBLE_FREE : FAULT_USE_AFTER_FREE, place);
    }
    lock_acquire(&brkm__main_heap.lock);
    bool is_block = state == BLOCK_DAMAGED && brkm__regions_have_boundary(block_from_payload(memory));
    lock_release(&brkm__main_heap.lock);
    brkm__fatal(is_block ? FAULT_HEADER_OVERWRITTEN : FAULT_INVALID_POINTER, place);
}

static struct held verify_mapped(const void *memory, const char *caller)
{
    struct held held = {.origin = ORIGIN_MAPPED};
    enum mapped_lookup found = brkm__mapped_find(memory, &held.usable_size);
    if (unlikely(found == MAPPED_UNKNOWN)) {
        brkm__fatal(FAULT_INVALID_POINTER, (struct fault_place){.address = memory, .caller = caller});
    }
    if (unlikely(found == MAPPED_FREED)) {
        brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){.address = memory, .caller = caller});
    }
    if (unlikely(block_state(block_from_payload(memory)) != BLOCK_IN_USE)) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN, (struct fault_place){.address = memory,
                                                                   .block_size = held.usable_size,
                                                                   .caller = caller});
    }
    return held;
}

/* Ends the program unless `memory` is the start of a block in use whose header, and the header
 * behind it, are as they were written. Reads nothing at an address that is not ours. */
static struct held verify_in_use(const void *memory, const char *caller)
{
    if (unlikely(!brkm__regions_contain_payload(memory))) {
        return verify_mapped(memory, caller);
    }
    const struct mem_control_block *block = block_from_payload(memory);
    enum block_state state = block_state(block);
    if (unlikely(state != BLOCK_IN_USE || block_has_flag(block, BLOCK_FLAG_MAPPED))) {
        reject(memory, state, caller);
    }
    size_t size = block_short_size(block);
    uint32_t behind = block_load_seal(block_at_offset(block, size));
    if (unlikely(!block_guard_follows(block_load_seal(block), size, behind))) {
        brkm__fatal(FAULT_OVERFLOW, (struct fault_place){.address = memory,
                                                         .block_size = size - BRKM_HEADER_SIZE,
                                                         .caller = caller});
    }
    return (struct held){ORIGIN_HEAP, size - BRKM_HEADER_SIZE};
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

static void free_verified(void *memory, struct held held, const char *caller)
{
    annotate_freed(memory);
    if (held.origin == ORIGIN_HEAP) {
        brkm__heap_free(&brkm__main_heap, block_from_payload(memory), caller);
    } else {
        learn_from_freed_mapping(brkm__mapped_free(memory));
    }
}

static void free_for(void *memory, const char *caller)
{
    if (memory != NULL) {
        free_verified(memory, verify_in_use(memory, caller), caller);
    }
}

/* Bytes that a block may be larger than its request needs: a rest too small to split off, or the
 * last page of a mapping. */
static size_t largest_slack(enum origin origin)
{
    return origin == ORIGIN_HEAP ? BRKM_MIN_BLOCK - BRKM_ALIGNMENT : brkm__os_page_size();
}

static void free_sized_for(void *memory, size_t size, size_t alignment, const char *caller)
{
    if (memory == NULL) {
        return;
    }
    struct held held = verify_in_use(memory, caller);
    bool size_fits = size <= held.usable_size &&
                     held.usable_size + BRKM_HEADER_SIZE <=
                         block_size_for_request(size) + largest_slack(held.origin);
    if (!size_fits || (uintptr_t)memory % alignment != 0) {
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
    annotate_allocated(moved, size, false);
    memcpy(moved, memory, min_size(size, held.usable_size));
    free_verified(memory, held, "realloc");
    return moved;
}

static void *resize_in_heap(void *memory, struct held held, size_t size)
{
    if (size <= BRKM_HEAP_REQUEST_MAX &&
        brkm__heap_resize(&brkm__main_heap, block_from_payload(memory),
                          block_size_for_request(size), "realloc")) {
        annotate_resized(memory, held.usable_size, size);
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
    if (resized == memory) {
        annotate_resized(memory, held.usable_size, size);
    } else {
        annotate_freed(memory);
        annotate_allocated(resized, size, true);
    }
    return resized;
}

/* ---- The malloc family ---- */

void *brkm_malloc(size_t size)
{
    return hand_out(allocate(size).memory, size, false);
}

void brkm_free(void *memory)
{
    free_for(memory, "free");
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
    struct held held = verify_in_use(memory, "realloc");
    if (size == 0) {
        free_verified(memory, held, "realloc");
        return NULL;
    }
    if (unlikely(size > PTRDIFF_MAX)) {
        return out_of_memory();
    }
    void *resized = held.origin == ORIGIN_HEAP ? resize_in_heap(memory, held, size)
                                               : resize_mapped(memory, held, size);
    return resized != NULL ? resized : out_of_memory();
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
    return memory == NULL ? 0 : verify_in_use(memory, "malloc_usable_size").usable_size;
}

int brkm_malloc_trim(size_t pad)
{
    return brkm__heap_trim(&brkm__main_heap, pad) != 0;
}
