/* SPDX-License-Identifier: MIT
 * See free_space.h. */
#include "heap/free_space.h"

#include "base/probes.h"
#include "heap/chunks.h"
#include "heap/regions.h"
#include "heap/size_class.h"
#include "heap/spare.h"
#include "kit/alarm.h"
#include "kit/huge_pages.h"
#include "kit/options.h"
#include "kit/report.h"
#include "system/os.h"

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

enum block_state brkm__space_state_after(const struct mem_control_block *block, const char *caller)
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
    if (unlikely(size < BRKM_MIN_BLOCK || !regions_contain_payload(block_payload(previous)) ||
                 !block_is(previous, BLOCK_FREE) || block_size(previous) != size)) {
        end_program(FAULT_BOUNDARY_TAG_OVERWRITTEN, block, caller);
    }
    return (struct mem_control_block *)(uintptr_t)previous;
}

static _Noreturn BRKM_COLD void report_free_end(const struct mem_control_block *block, size_t size)
{
    const struct mem_control_block *next = block_at_offset(block, size);
    if (!brkm__regions_contain_payload(block_boundary_tag_before(next))) {
        end_program(FAULT_HEADER_OVERWRITTEN, block, NULL);
    }
    bool tag_is_good = *block_boundary_tag_before(next) == size;
    end_program(tag_is_good ? FAULT_HEADER_OVERWRITTEN : FAULT_BOUNDARY_TAG_OVERWRITTEN,
                tag_is_good ? next : block, NULL);
}

/* An old header that somebody wrote back has its seal, but tells of an end that is none any more.
 */
static BRKM_ALWAYS_INLINE void verify_free_end(const struct mem_control_block *block, size_t size)
{
    const void *tag = block_boundary_tag_before(block_at_offset(block, size));
    bool is_ours = likely(regions_window_contains(tag)) || brkm__regions_contain_payload(tag);
    if (unlikely(!is_ours || !block_free_end_is_sound(block, size))) {
        report_free_end(block, size);
    }
}

void brkm__space_take_out(struct heap *heap, struct mem_control_block *block, size_t size)
{
    verify_free_end(block, size);
    brkm__bins_remove(&heap->bins, block, size);
    block_change_state(block, BLOCK_FREE, BLOCK_GONE);
}

/* ---- Split and coalesce ---- */

/* Puts a free block, of which the pages `clean` were given back, into its bin, or into the top when
 * it borders that. */
static void release(struct heap *heap, struct mem_control_block *block, size_t size,
                    struct page_range clean)
{
    if (block_at_offset(block, size) == heap->top.block) {
        brkm__top_absorb(&heap->top, block);
        heap->top_grew = true;
        probe_absorb(block_payload(block), size);
        return;
    }
    block_make_free(block, size, relaxed_load(block->flags));
    block_change_flag(block_at_offset(block, size), BLOCK_FLAG_PREVIOUS_FREE, true);
    block_set_clean_pages(block, clean);
    brkm__bins_insert(&heap->bins, block, size);
}

static struct page_range larger_range(struct page_range a, struct page_range b)
{
    return page_range_bytes(a) >= page_range_bytes(b) ? a : b;
}

/* Joins a range that becomes free with its free neighbours; stores which of the pages were given
 * back. What it joins with is in no bin any more. */
static struct free_range coalesce(struct heap *heap, struct free_range range,
                                  struct page_range *clean, const char *caller)
{
    struct mem_control_block *block = range.first;
    struct mem_control_block *next = block_at_offset(block, range.size);
    if (block_is(next, BLOCK_FREE)) {
        size_t next_size = block_size(next);
        *clean = block_clean_pages(next);
        brkm__space_take_out(heap, next, next_size);
        range.size += next_size;
    } else if (unlikely(block_state(next) == BLOCK_DAMAGED)) {
        report_overflow(block, caller);
    }
    if (block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE)) {
        struct mem_control_block *previous = free_block_before(block, caller);
        size_t front_size = block_size(previous);
        block_set_state(block, BLOCK_GONE);
        *clean = larger_range(*clean, block_clean_pages(previous));
        brkm__bins_remove(&heap->bins, previous, front_size);
        range = (struct free_range){previous, range.size + front_size};
    }
    return range;
}

void brkm__space_free(struct heap *heap, struct mem_control_block *block, size_t size,
                      const char *caller)
{
    struct page_range clean = {0, 0};
    brkm_assert(brkm__lock_is_held(&heap->lock), "I2: blocks coalesce under the heap's lock");
    struct free_range range = coalesce(heap, (struct free_range){block, size}, &clean, caller);
    if (range.size != size) {
        probe_coalesce(block_payload(range.first), range.size, block_payload(block), size);
    }
    release(heap, range.first, range.size, clean);
    if (unlikely(block_has_flag(range.first, BLOCK_FLAG_REGION_START))) {
        brkm__spare_look(heap, range.first);
    }
}

void brkm__space_split(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller)
{
    brkm_assert(block_is(block, BLOCK_IN_USE), "I5: what is cut is in use");
    size_t rest_size = block_size(block) - size;
    if (rest_size < BRKM_MIN_BLOCK) {
        return;
    }
    struct mem_control_block *rest = block_at_offset(block, size);
    block_set(block, size, BLOCK_IN_USE);
    block_create(rest, rest_size, BLOCK_IN_USE);
    probe_split(block_payload(block), size, block_payload(rest), rest_size);
    brkm__space_free(heap, rest, rest_size, caller);
}

struct mem_control_block *brkm__space_cut_lead(struct heap *heap, struct mem_control_block *block,
                                               struct mem_control_block *place)
{
    brkm_assert(block_is(block, BLOCK_IN_USE), "I5: what is cut is in use");
    size_t lead = (uintptr_t)place - (uintptr_t)block;
    if (lead == 0) {
        return block;
    }
    size_t size = block_size(block) - lead;
    block_create(place, size, BLOCK_IN_USE);
    block_set(block, lead, BLOCK_IN_USE);
    probe_split(block_payload(block), lead, block_payload(place), size);
    brkm__space_free(heap, block, lead, "aligned_alloc");
    return place;
}

/* ---- Several at a time ----
 *
 * Blocks that come back in no order have their neighbours far apart in memory, and each free
 * neighbour the others of its list: half a dozen cache misses in a row for each block, unless those
 * of several blocks overlap. The steps follow each other, each for all of the blocks, as what one
 * asks for is where the next looks. Nothing is believed here: a prefetch of a wrong address does
 * nothing. All is inline: gcc takes a function that does nothing but to prefetch for one without
 * effect. */

/* Bytes. A smaller heap is in the processor's caches anyway. */
#define PREFETCHED_HEAP_MIN (4 * BRKM_MIB)

/* The header and the links of a block in a list, which may lie in two cache lines. NULL, the end of
 * the list, will do. */
static BRKM_ALWAYS_INLINE void prefetch_member(const struct free_block *member)
{
    __builtin_prefetch(member);
    __builtin_prefetch((const void *)((uintptr_t)member + offsetof(struct free_block, previous)));
}

static BRKM_ALWAYS_INLINE void prefetch_list_around(const struct mem_control_block *block)
{
    const struct free_block *free = (const struct free_block *)block;
    prefetch_member(free->next);
    prefetch_member(free->previous);
}

static BRKM_ALWAYS_INLINE const struct mem_control_block *
prefetch_place_before(const struct mem_control_block *block)
{
    return (const void *)((uintptr_t)block - *block_boundary_tag_before(block));
}

/* Step 2: the list and the end of the free block after, and the header of that before. */
static BRKM_ALWAYS_INLINE void prefetch_after(const struct mem_control_block *block, size_t size)
{
    const struct mem_control_block *next = block_at_offset(block, size);
    if (block_is(next, BLOCK_FREE)) {
        prefetch_list_around(next);
        __builtin_prefetch(block_at_offset(next, block_short_size(next)));
    }
    if (block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE)) {
        __builtin_prefetch(prefetch_place_before(block));
    }
}

/* Step 3: the list of the free block before. */
static BRKM_ALWAYS_INLINE void prefetch_before(const struct mem_control_block *block)
{
    if (block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE)) {
        const struct mem_control_block *previous = prefetch_place_before(block);
        if (regions_window_contains(block_payload(previous))) {
            prefetch_list_around(previous);
        }
    }
}

void brkm__space_free_ranges(struct heap *heap, const struct free_range *ranges, unsigned count)
{
    if (count > 1 && heap->in_use_bytes + heap->bins.bytes >= PREFETCHED_HEAP_MIN) {
        for (unsigned i = 0; i < count; i++) {
            prefetch_after(ranges[i].first, ranges[i].size);
        }
        for (unsigned i = 0; i < count; i++) {
            prefetch_before(ranges[i].first);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        brkm__space_free(heap, ranges[i].first, ranges[i].size, "free");
    }
}

/* ---- Take ---- */

void brkm__space_begin_use(struct mem_control_block *block, size_t size)
{
    block_change_flag(block_at_offset(block, size), BLOCK_FLAG_PREVIOUS_FREE, false);
    block_set(block, size, BLOCK_IN_USE);
}

/* The pages of a free block that were given back; from now on its header knows of none. */
static struct page_range take_clean_pages(struct mem_control_block *block)
{
    struct page_range clean = block_clean_pages(block);
    if (unlikely(page_range_bytes(clean) != 0)) {
        block_change_flag(block, BLOCK_FLAG_PURGED, false);
    }
    return clean;
}

/* Clean pages are used: that costs page faults for nothing where they had been given back, and not
 * where they are fresh. */
static void regret_use(struct heap *heap, struct page_range pages)
{
    size_t bytes = page_range_bytes(pages);
    if (unlikely(bytes != 0 && heap_is_side(heap))) {
        bytes -= brkm__chunk_first_use(pages);
    } else if (unlikely(bytes != 0 && heap->fallback_bytes != 0)) {
        bytes -= brkm__regions_first_use(pages);
    }
    brkm__purge_regret(&heap->purge, bytes);
}

struct mem_control_block *brkm__space_use(struct heap *heap, struct mem_control_block *block,
                                          size_t size)
{
    if (block == heap->spare) {
        heap->spare = NULL;
    }
    size_t found = block_size(block);
    verify_free_end(block, found);
    struct page_range clean = take_clean_pages(block);
    if (found - size < BRKM_MIN_BLOCK) {
        brkm__space_begin_use(block, found);
        regret_use(heap, clean);
        return block;
    }
    /* The block behind has the flag already, and it is not the top: no free block borders that. */
    struct mem_control_block *rest = block_at_offset(block, size);
    block_make_free(rest, found - size, 0);
    if (unlikely(page_range_bytes(clean) != 0)) {
        struct page_range left = block_inner_pages(rest, found - size, brkm__os_page_size());
        left = page_range_common(left, clean);
        block_set_clean_pages(rest, left);
        clean.end -= page_range_bytes(left);
        regret_use(heap, clean);
    }
    brkm__bins_insert(&heap->bins, rest, found - size);
    block_set(block, size, BLOCK_IN_USE);
    probe_split(block_payload(block), size, block_payload(rest), found - size);
    return block;
}

/* Bytes at the start of the payload, when `size` bytes of the free block are used, that may be
 * other than zero. */
static size_t dirty_prefix(const struct mem_control_block *block, size_t size)
{
    struct page_range clean = block_clean_pages(block);
    bool reaches_end = clean.end >= (uintptr_t)block + size;
    return reaches_end && page_range_bytes(clean) != 0
               ? clean.start - (uintptr_t)block_payload(block)
               : SIZE_MAX;
}

struct mem_control_block *brkm__space_take(struct heap *heap, size_t size, size_t *dirty)
{
    struct mem_control_block *block = brkm__bins_take(&heap->bins, size);
    if (block == NULL) {
        return NULL;
    }
    *dirty = dirty_prefix(block, size);
    return brkm__space_use(heap, block, size);
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
    size_t again = min_size(grown, heap->trimmed);
    heap->trimmed -= again;
    brkm__purge_regret(&heap->purge, again);
}

bool brkm__space_grow(struct heap *heap, size_t size)
{
    brkm__block_draw_secret();
    size_t before = heap->top.from_system;
    struct top_growth growth = brkm__top_grow(&heap->top, size, size + growth_step(heap));
    if (growth.rest != NULL) {
        brkm__space_free(heap, growth.rest, block_size(growth.rest), "sbrk");
    }
    if (heap->top.from_system > before) {
        regret_trim(heap, heap->top.from_system - before);
    }
    return growth.grown;
}

void brkm__space_add(struct heap *heap, struct mem_control_block *block, size_t size,
                     struct page_range clean)
{
    release(heap, block, size, clean);
}

bool brkm__space_add_fallback(struct heap *heap, size_t size)
{
    /* Doubled each time, so that there are few: each address outside the window is looked up. */
    size_t wanted = max_size(growth_step(heap), min_size(heap->fallback_bytes, BRKM_GROW_MAX));
    struct mem_control_block *first = brkm__regions_map(size, wanted);
    if (first == NULL) {
        return false;
    }
    heap->fallback_bytes += regions_spanned_bytes(first);
    heap->fallback_peak = max_size(heap->fallback_peak, heap->fallback_bytes);
    /* Fresh pages are as clean as purged ones. */
    size_t region_size = block_size(first);
    release(heap, first, region_size, block_inner_pages(first, region_size, brkm__os_page_size()));
    return true;
}

/* ---- Memory to the system ---- */

/* Unless the user has set it, the threshold rises with the heap, as the steps do in which it grows.
 */
static void trim_if_large(struct heap *heap)
{
    size_t threshold = brkm__option_get(OPTION_trim_threshold);
    size_t pad = brkm__option_get(OPTION_top_pad);
    bool is_set = brkm__option_is_set(OPTION_trim_threshold);
    if (!is_set) {
        threshold = max_size(threshold, growth_step(heap) + BRKM_GROW_MIN);
        pad = max_size(pad, threshold / 4);
    }
    if (brkm__top_available(&heap->top) >= threshold && brkm__purge_keeps() != SIZE_MAX &&
        (is_set || !brkm__purge_is_regretted(&heap->purge))) {
        heap->trimmed += brkm__top_trim(&heap->top, pad, brkm__huge_pages_unit());
    }
}

void brkm__space_return_memory(struct heap *heap)
{
    brkm_assert(brkm__lock_is_held(&heap->lock), "memory goes back under the heap's lock");
    if (heap->top_grew) {
        heap->top_grew = false;
        trim_if_large(heap);
        brkm__purge_regret(&heap->purge, heap->top.refaulted);
        heap->top.refaulted = 0;
    }
    if (unlikely(alarm_is_set())) {
        brkm__purge_wake(heap);
    }
    if (unlikely(purge_dirty(&heap->bins, &heap->top) >
                 purge_allows_beside(&heap->purge, heap->in_use_bytes))) {
        brkm__purge_look(heap);
    }
}

/* Trims the top, whose pages are gone already: that gives addresses back, which the limits count.
 */
static void trim_quiet_top(struct heap *heap)
{
    bool is_set = brkm__option_is_set(OPTION_trim_threshold);
    if (!is_set || brkm__top_available(&heap->top) >= brkm__option_get(OPTION_trim_threshold)) {
        heap->trimmed +=
            brkm__top_trim(&heap->top, brkm__option_get(OPTION_top_pad), brkm__os_page_size());
    }
}

size_t brkm__space_decay(struct heap *heap, size_t keep)
{
    if (heap_is_side(heap)) {
        brkm__spare_return(heap);
    }
    size_t part = keep == SIZE_MAX ? keep : purge_part(&heap->purge, keep);
    size_t released = brkm__purge_down_to(heap, part);
    if (!lock_is_awaited(&heap->lock) && keep != SIZE_MAX) {
        trim_quiet_top(heap);
    }
    return released;
}

size_t brkm__space_trim(struct heap *heap, size_t pad)
{
    size_t released = brkm__top_trim(&heap->top, pad, brkm__os_page_size());
    released += brkm__spare_return(heap);
    return released + brkm__purge_all(heap, pad == 0);
}
