/* SPDX-License-Identifier: MIT
 * Layer 7: see free_space.h. */
#include "free_space.h"

#include "fallback.h"
#include "options.h"
#include "os.h"
#include "purge.h"
#include "regions.h"
#include "report.h"
#include "size_class.h"

/* ---- Neighbours: verified before they are believed ---- */

static _Noreturn void end_program(enum fault fault, const struct mem_control_block *block,
                                  const char *caller)
{
    brkm__fatal(fault, (struct fault_place){.address = block_payload(block), .caller = caller});
}

static _Noreturn void report_overflow(const struct mem_control_block *block, const char *caller)
{
    brkm__fatal(FAULT_OVERFLOW, (struct fault_place){.address = block_payload(block),
                                                     .block_size = block_usable_size(block),
                                                     .caller = caller});
}

enum block_state brkm__space_state_behind(const struct mem_control_block *block, const char *caller)
{
    enum block_state state = block_state(block_next(block));
    if (unlikely(state == BLOCK_DAMAGED)) {
        report_overflow(block, caller);
    }
    return state;
}

/* The free block in front of `block`, found by its boundary tag. */
static struct mem_control_block *free_block_before(const struct mem_control_block *block,
                                                   const char *caller)
{
    size_t size = *block_boundary_tag_before(block);
    const struct mem_control_block *previous =
        (const struct mem_control_block *)((uintptr_t)block - size);
    if (unlikely(size < BRKM_MIN_BLOCK || !brkm__regions_contain_payload(block_payload(previous)) ||
                 !block_is(previous, BLOCK_FREE) || block_size(previous) != size)) {
        end_program(FAULT_BOUNDARY_TAG_OVERWRITTEN, block, caller);
    }
    return (struct mem_control_block *)(uintptr_t)previous;
}

/* ---- Split and coalesce ---- */

/* Puts a free block into its bin, or into the top when it borders that. */
static void release(struct heap *heap, struct mem_control_block *block, size_t size)
{
    if (block_at_offset(block, size) == heap->top.block) {
        brkm__top_absorb(&heap->top, block);
        return;
    }
    block_make_free(block, size, relaxed_load(block->flags));
    block_change_flag(block_at_offset(block, size), BLOCK_FLAG_PREVIOUS_FREE, true);
    brkm__bins_insert(&heap->bins, block, size);
}

struct mem_control_block *brkm__space_coalesce(struct heap *heap, struct mem_control_block *block,
                                               size_t size, const char *caller)
{
    struct mem_control_block *next = block_at_offset(block, size);
    if (block_is(next, BLOCK_FREE)) {
        size_t next_size = block_size(next);
        brkm__bins_remove(&heap->bins, next, next_size);
        size += next_size;
    } else if (unlikely(block_state(next) == BLOCK_DAMAGED)) {
        report_overflow(block, caller);
    }
    /* Where the block vanishes into the one before, its header still says that it was freed. */
    block_set_state(block, BLOCK_FREE);
    if (block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE)) {
        block = free_block_before(block, caller);
        size_t front_size = block_size(block);
        brkm__bins_remove(&heap->bins, block, front_size);
        size += front_size;
    }
    release(heap, block, size);
    return block;
}

void brkm__space_split(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller)
{
    size_t rest_size = block_size(block) - size;
    if (rest_size < BRKM_MIN_BLOCK) {
        return;
    }
    struct mem_control_block *rest = block_at_offset(block, size);
    block_set(block, size, BLOCK_IN_USE);
    block_create(rest, rest_size, BLOCK_IN_USE);
    brkm__space_coalesce(heap, rest, rest_size, caller);
}

void brkm__space_begin_use(struct mem_control_block *block, size_t size)
{
    block_change_flag(block_at_offset(block, size), BLOCK_FLAG_PREVIOUS_FREE, false);
    block_set(block, size, BLOCK_IN_USE);
}

struct mem_control_block *brkm__space_use(struct heap *heap, struct mem_control_block *block,
                                          size_t size)
{
    if (block == heap->spare) {
        heap->spare = NULL;
    }
    size_t found = block_size(block);
    if (found - size < BRKM_MIN_BLOCK) {
        brkm__space_begin_use(block, found);
        return block;
    }
    /* The block behind has the flag already, and it is not the top: no free block borders that. */
    struct mem_control_block *rest = block_at_offset(block, size);
    block_make_free(rest, found - size, 0);
    brkm__bins_insert(&heap->bins, rest, found - size);
    block_set(block, size, BLOCK_IN_USE);
    return block;
}

struct mem_control_block *brkm__space_take(struct heap *heap, size_t size)
{
    struct mem_control_block *block = brkm__bins_take(&heap->bins, size);
    return block == NULL ? NULL : brkm__space_use(heap, block, size);
}

/* ---- Memory from the system ---- */

static size_t growth_step(const struct heap *heap)
{
    size_t share = heap_bytes_from_system(heap) / BRKM_GROW_SHARE;
    return min_size(max_size(share, BRKM_GROW_MIN), BRKM_GROW_MAX);
}

/* Growing by what was trimmed before means that the trim cost page faults for nothing. */
static void regret_trim(struct heap *heap, size_t grown)
{
    size_t regret = min_size(grown, heap->trimmed);
    heap->trimmed -= regret;
    heap->regretted = min_size(heap->regretted + regret, heap->top.from_system_peak / 2);
}

bool brkm__space_grow(struct heap *heap, size_t size)
{
    brkm__block_draw_secret();
    size_t before = heap->top.from_system;
    struct top_growth growth = brkm__top_grow(&heap->top, size, size + growth_step(heap));
    if (growth.rest != NULL) {
        brkm__space_coalesce(heap, growth.rest, block_size(growth.rest), "sbrk");
    }
    if (heap->top.from_system > before) {
        regret_trim(heap, heap->top.from_system - before);
    }
    return growth.grown;
}

bool brkm__space_add_fallback(struct heap *heap, size_t size)
{
    /* Doubled each time, so that there are few: each address outside the window is looked up. */
    size_t wanted = max_size(growth_step(heap), min_size(heap->fallback_bytes, BRKM_GROW_MAX));
    struct mem_control_block *first = brkm__fallback_add(size, wanted);
    if (first == NULL) {
        return false;
    }
    heap->fallback_bytes += fallback_region_bytes(first);
    heap->fallback_peak = max_size(heap->fallback_peak, heap->fallback_bytes);
    release(heap, first, block_size(first));
    return true;
}

static size_t remove_fallback_region(struct heap *heap, struct mem_control_block *block)
{
    size_t bytes = fallback_region_bytes(block);
    brkm__bins_remove(&heap->bins, block, block_size(block));
    brkm__fallback_remove(block);
    heap->fallback_bytes -= bytes;
    return bytes;
}

void brkm__space_keep_one_spare(struct heap *heap, struct mem_control_block *block)
{
    if (likely(!block_has_flag(block, BLOCK_FLAG_REGION_START)) ||
        !brkm__fallback_is_whole(block)) {
        return;
    }
    struct mem_control_block *spare = heap->spare;
    heap->spare = block;
    if (spare != NULL && spare != block) {
        bool spare_is_larger = block_size(spare) > block_size(block);
        heap->spare = spare_is_larger ? block : spare;
        remove_fallback_region(heap, spare_is_larger ? spare : block);
    }
}

/* ---- Memory to the system ---- */

/* Unless the user has set it, the threshold rises with the heap, as the steps do in which it grows,
 * and with what was trimmed only to be asked for again. */
void brkm__space_trim_if_large(struct heap *heap)
{
    size_t threshold = brkm__option_get(OPTION_trim_threshold);
    size_t pad = brkm__option_get(OPTION_top_pad);
    if (!brkm__option_is_set(OPTION_trim_threshold)) {
        threshold = max_size(threshold, growth_step(heap) + BRKM_GROW_MIN) + heap->regretted;
        pad = max_size(pad, threshold / 4);
    }
    if (brkm__top_available(&heap->top) >= threshold) {
        heap->trimmed += brkm__top_trim(&heap->top, pad);
        heap->regretted -= heap->regretted / 8;
    }
}

static size_t purge_bins(struct heap *heap)
{
    size_t released = 0;
    unsigned first = size_class_bin(brkm__os_page_size());
    for (unsigned bin = brkm__bins_next_used(&heap->bins, first); bin < BRKM_BIN_COUNT;
         bin = brkm__bins_next_used(&heap->bins, bin + 1)) {
        struct free_block *free = NULL;
        while ((free = brkm__bins_step(&heap->bins, bin, free)) != NULL) {
            released += brkm__purge_block(&free->header);
        }
    }
    return released;
}

size_t brkm__space_trim(struct heap *heap, size_t pad)
{
    size_t released = brkm__top_trim(&heap->top, pad);
    if (heap->spare != NULL) {
        released += remove_fallback_region(heap, heap->spare);
        heap->spare = NULL;
    }
    return released + purge_bins(heap);
}
