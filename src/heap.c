/* SPDX-License-Identifier: MIT
 * Layer 7: see heap.h. */
#include "heap.h"

#include "fallback.h"
#include "options.h"
#include "os.h"
#include "purge.h"
#include "regions.h"
#include "report.h"
#include "size_class.h"

struct heap brkm__main_heap;

/* ---- Neighbours: verified before they are believed ---- */

static _Noreturn void end_program(enum fault fault, const struct mem_control_block *block,
                                  const char *caller)
{
    brkm__fatal(fault, (struct fault_place){.address = block_payload(block), .caller = caller});
}

/* The state of the block behind `block`, which is known to be good. */
static enum block_state state_behind(const struct mem_control_block *block, const char *caller)
{
    enum block_state state = block_state(block_next(block));
    if (unlikely(state == BLOCK_DAMAGED)) {
        brkm__fatal(FAULT_OVERFLOW, (struct fault_place){.address = block_payload(block),
                                                         .block_size = block_usable_size(block),
                                                         .caller = caller});
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
                 block_state(previous) != BLOCK_FREE || block_size(previous) != size)) {
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
    block_make_free(block, size);
    brkm__bins_insert(&heap->bins, block);
}

/* Frees the range that `block` begins, whose header is good and says `size`: coalesces it with both
 * neighbours and releases the result. Returns the resulting block. */
static struct mem_control_block *coalesce_and_release(struct heap *heap,
                                                      struct mem_control_block *block, size_t size,
                                                      const char *caller)
{
    if (state_behind(block, caller) == BLOCK_FREE) {
        struct mem_control_block *next = block_next(block);
        brkm__bins_remove(&heap->bins, next);
        size += block_size(next);
    }
    /* Where the block vanishes into the one before, its header still says that it was freed. */
    block_set_state(block, BLOCK_FREE);
    if (block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE)) {
        block = free_block_before(block, caller);
        brkm__bins_remove(&heap->bins, block);
        size += block_size(block);
    }
    release(heap, block, size);
    return block;
}

/* Cuts a block that is in use to `size` bytes and frees the rest, if it can be a block. */
static void split(struct heap *heap, struct mem_control_block *block, size_t size,
                  const char *caller)
{
    size_t rest_size = block_size(block) - size;
    if (rest_size < BRKM_MIN_BLOCK) {
        return;
    }
    struct mem_control_block *rest = block_at_offset(block, size);
    block_set(block, size, BLOCK_IN_USE);
    block_create(rest, rest_size, BLOCK_IN_USE);
    coalesce_and_release(heap, rest, rest_size, caller);
}

/* Marks `block`, of `size` bytes and in no bin, as in use. The block may be of any size. */
static void begin_use(struct mem_control_block *block, size_t size)
{
    block_change_flag(block_at_offset(block, size), BLOCK_FLAG_PREVIOUS_FREE, false);
    block_set(block, size, BLOCK_IN_USE);
}

/* ---- Memory from the system ---- */

static size_t growth_step(const struct heap *heap)
{
    size_t share = heap_bytes_from_system(heap) / BRKM_GROW_SHARE;
    return min_size(max_size(share, BRKM_GROW_MIN), BRKM_GROW_MAX);
}

static bool grow_top(struct heap *heap, size_t size)
{
    brkm__block_draw_secret();
    struct top_growth growth = brkm__top_grow(&heap->top, size, size + growth_step(heap));
    if (growth.rest != NULL) {
        coalesce_and_release(heap, growth.rest, block_size(growth.rest), "sbrk");
    }
    return growth.grown;
}

static bool add_fallback_region(struct heap *heap, size_t size)
{
    struct mem_control_block *first = brkm__fallback_add(size, growth_step(heap));
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
    brkm__bins_remove(&heap->bins, block);
    brkm__fallback_remove(block);
    heap->fallback_bytes -= bytes;
    return bytes;
}

/* `block` was freed. When it is a whole fallback region, the larger of it and the spare goes. */
static void keep_one_spare_region(struct heap *heap, struct mem_control_block *block)
{
    if (!brkm__fallback_is_whole(block)) {
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

/* ---- Allocate ---- */

/* Marks the first `size` bytes of a free block, which is in no bin any more, as in use and splits
 * off the rest. */
static struct mem_control_block *use_free_block(struct heap *heap, struct mem_control_block *block,
                                                size_t size)
{
    if (block == heap->spare) {
        heap->spare = NULL;
    }
    size_t found = block_size(block);
    size_t rest_size = found - size;
    if (rest_size >= BRKM_MIN_BLOCK) {
        struct mem_control_block *rest = block_at_offset(block, size);
        block_create(rest, 0, BLOCK_FREE);
        release(heap, rest, rest_size);
        block_set(block, size, BLOCK_IN_USE);
    } else {
        begin_use(block, found);
    }
    return block;
}

static struct mem_control_block *take_from_bins(struct heap *heap, size_t size)
{
    struct mem_control_block *block = brkm__bins_take(&heap->bins, size);
    return block == NULL ? NULL : use_free_block(heap, block, size);
}

static struct mem_control_block *find_block(struct heap *heap, size_t size, enum heap_growth growth,
                                            size_t *dirty)
{
    *dirty = SIZE_MAX;
    struct mem_control_block *block = take_from_bins(heap, size);
    if (block == NULL && (brkm__top_available(&heap->top) >= size ||
                          (growth == HEAP_MAY_GROW && grow_top(heap, size)))) {
        block = brkm__top_carve(&heap->top, size, dirty);
    }
    if (block == NULL && growth == HEAP_MAY_GROW && add_fallback_region(heap, size)) {
        block = take_from_bins(heap, size);
    }
    return block;
}

/* `difference` may be the two's complement of a decrease. */
static void change_in_use(struct heap *heap, size_t difference)
{
    size_t now = heap_handed_out(heap) + difference;
    atomic_store_explicit(&heap->in_use_bytes, now, memory_order_relaxed);
    heap->in_use_peak = max_size(heap->in_use_peak, now);
}

static void count_allocation(struct heap *heap, const struct mem_control_block *block)
{
    heap->allocations++;
    heap->in_use_blocks++;
    change_in_use(heap, block_size(block));
}

struct mem_control_block *brkm__heap_allocate(struct heap *heap, size_t size,
                                              enum heap_growth growth, size_t *dirty)
{
    size_t ignored;
    lock_acquire(&heap->lock);
    struct mem_control_block *block =
        find_block(heap, size, growth, dirty != NULL ? dirty : &ignored);
    if (block != NULL) {
        count_allocation(heap, block);
    }
    lock_release(&heap->lock);
    return block;
}

/* Cuts `run`, in use, into blocks of `size` bytes; the last takes what remains. */
static size_t cut_run(struct heap *heap, struct mem_control_block *run, size_t size,
                      struct mem_control_block **blocks)
{
    size_t left = block_size(run);
    size_t count = 0;
    while (left >= 2 * size) {
        block_set(run, size, BLOCK_IN_USE);
        blocks[count++] = run;
        left -= size;
        run = block_at_offset(run, size);
        block_create(run, left, BLOCK_IN_USE);
    }
    blocks[count++] = run;
    for (size_t i = 0; i < count; i++) {
        count_allocation(heap, blocks[i]);
    }
    return count;
}

/* A block that fits `size`, made as long as up to `count` blocks where it stands. */
static struct mem_control_block *find_run(struct heap *heap, size_t size, size_t count,
                                          enum heap_growth growth)
{
    size_t dirty;
    struct mem_control_block *run = brkm__bins_take(&heap->bins, size);
    if (run != NULL) {
        size_t found = block_size(run);
        return use_free_block(heap, run, min_size(found / size, count) * size);
    }
    if (growth == HEAP_AS_IT_IS) {
        count = min_size(count, brkm__top_available(&heap->top) / size);
        return count == 0 ? NULL : find_block(heap, count * size, growth, &dirty);
    }
    run = find_block(heap, count * size, growth, &dirty);
    return run != NULL || count == 1 ? run : find_block(heap, size, growth, &dirty);
}

size_t brkm__heap_allocate_batch(struct heap *heap, size_t size, size_t count,
                                 enum heap_growth growth, struct mem_control_block **blocks)
{
    size_t got = 0;
    lock_acquire(&heap->lock);
    while (got < count) {
        struct mem_control_block *run = find_run(heap, size, count - got, growth);
        if (run == NULL) {
            break;
        }
        got += cut_run(heap, run, size, blocks + got);
        /* The system is asked once at most: what there is will do. */
        growth = HEAP_AS_IT_IS;
    }
    lock_release(&heap->lock);
    return got;
}

/* Gives the slack in front of `place` back and returns the block at `place`, in use. */
static struct mem_control_block *cut_lead(struct heap *heap, struct mem_control_block *block,
                                          struct mem_control_block *place)
{
    size_t lead = (uintptr_t)place - (uintptr_t)block;
    if (lead == 0) {
        return block;
    }
    size_t size = block_size(block) - lead;
    block_create(place, size, BLOCK_IN_USE);
    block_set(block, lead, BLOCK_IN_USE);
    coalesce_and_release(heap, block, lead, "aligned_alloc");
    return place;
}

struct mem_control_block *brkm__heap_allocate_aligned(struct heap *heap, size_t size,
                                                      size_t alignment, enum heap_growth growth)
{
    size_t dirty;
    lock_acquire(&heap->lock);
    struct mem_control_block *block = brkm__bins_take_aligned(&heap->bins, size, alignment);
    if (block != NULL) {
        use_free_block(heap, block, block_size(block));
    } else {
        block = find_block(heap, size + alignment + BRKM_MIN_BLOCK, growth, &dirty);
    }
    if (block != NULL) {
        block = cut_lead(heap, block, block_aligned_place(block, alignment));
        split(heap, block, size, "aligned_alloc");
        count_allocation(heap, block);
    }
    lock_release(&heap->lock);
    return block;
}

/* ---- Free, resize, trim ---- */

/* Unless the user has set it, the threshold rises with the heap, as the steps do in which it grows:
 * trimming less than that would only be undone by the next growth. */
static void trim_if_large(struct heap *heap)
{
    size_t threshold = brkm__option_get(OPTION_trim_threshold);
    size_t pad = brkm__option_get(OPTION_top_pad);
    if (!brkm__option_is_set(OPTION_trim_threshold)) {
        threshold = max_size(threshold, growth_step(heap) + BRKM_GROW_MIN);
        pad = max_size(pad, threshold / 4);
    }
    if (brkm__top_available(&heap->top) >= threshold) {
        brkm__top_trim(&heap->top, pad);
    }
}

/* Frees the range of blocks that were handed out which `first` begins, whose header says its size.
 */
static void free_range(struct heap *heap, struct mem_control_block *first, const char *caller)
{
    size_t size = block_size(first);
    change_in_use(heap, -size);
    struct mem_control_block *block = coalesce_and_release(heap, first, size, caller);
    if (block != heap->top.block) {
        keep_one_spare_region(heap, block);
    }
}

void brkm__heap_free(struct heap *heap, struct mem_control_block *block, const char *caller)
{
    lock_acquire(&heap->lock);
    heap->frees++;
    heap->in_use_blocks--;
    free_range(heap, block, caller);
    trim_if_large(heap);
    lock_release(&heap->lock);
}

/* Joins `block` to the range that `first` begins when they are neighbours and returns the range's
 * first block; NULL when they are not, or the range would be too large for a header. */
static struct mem_control_block *join(struct mem_control_block *first,
                                      struct mem_control_block *block)
{
    size_t size = block_short_size(first) + block_short_size(block);
    bool follows = block_next(first) == block;
    if ((!follows && block_next(block) != first) || size > BRKM_MAX_BLOCK) {
        return NULL;
    }
    /* No header that says "in use" may stay inside of a payload. */
    block_set_state(follows ? block : first, BLOCK_FREE);
    first = follows ? first : block;
    block_set(first, size, BLOCK_IN_USE);
    return first;
}

void brkm__heap_free_batch(struct heap *heap, struct mem_control_block *const *blocks, size_t count)
{
    struct mem_control_block *range = NULL;
    lock_acquire(&heap->lock);
    heap->frees += count;
    heap->in_use_blocks -= count;
    for (size_t i = 0; i < count; i++) {
        if (unlikely(block_state(blocks[i]) != BLOCK_CACHED)) {
            end_program(FAULT_HEADER_OVERWRITTEN, blocks[i], "free");
        }
        /* Batches that were cut as runs come back as runs: coalesced here, they cost one search. */
        struct mem_control_block *joined = range == NULL ? NULL : join(range, blocks[i]);
        if (joined == NULL && range != NULL) {
            free_range(heap, range, "free");
        }
        range = joined != NULL ? joined : blocks[i];
    }
    if (range != NULL) {
        free_range(heap, range, "free");
    }
    trim_if_large(heap);
    lock_release(&heap->lock);
}

/* Takes the free block or the part of the top behind `block` that it needs to reach `size`. */
static bool absorb_behind(struct heap *heap, struct mem_control_block *block, size_t size,
                          const char *caller)
{
    size_t old_size = block_size(block);
    enum block_state state = state_behind(block, caller);
    struct mem_control_block *next = block_next(block);
    if (state == BLOCK_FREE && old_size + block_size(next) >= size) {
        size_t joined = old_size + block_size(next);
        if (joined > BRKM_MAX_BLOCK) {
            return false;
        }
        brkm__bins_remove(&heap->bins, next);
        begin_use(block, joined);
        split(heap, block, size, caller);
        return true;
    }
    if (state != BLOCK_TOP) {
        return false;
    }
    size_t needed = max_size(size - old_size, BRKM_MIN_BLOCK);
    if (brkm__top_available(&heap->top) < needed && !grow_top(heap, needed)) {
        return false;
    }
    if (heap->top.block != next) {
        return false; /* a foreign break lay in between */
    }
    size_t dirty;
    brkm__top_carve(&heap->top, needed, &dirty);
    /* No header that says "in use" may stay inside of a payload. */
    block_set_state(next, BLOCK_FREE);
    block_set(block, old_size + needed, BLOCK_IN_USE);
    return true;
}

bool brkm__heap_resize(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller)
{
    lock_acquire(&heap->lock);
    size_t old_size = block_size(block);
    bool resized = true;
    if (size <= old_size) {
        split(heap, block, size, caller);
    } else {
        resized = absorb_behind(heap, block, size, caller);
    }
    change_in_use(heap, block_size(block) - old_size);
    lock_release(&heap->lock);
    return resized;
}

static size_t purge_bins(struct heap *heap)
{
    size_t released = 0;
    unsigned first = size_class_bin(brkm__os_page_size());
    for (unsigned bin = brkm__bins_next_used(&heap->bins, first); bin < BRKM_BIN_COUNT;
         bin = brkm__bins_next_used(&heap->bins, bin + 1)) {
        for (struct free_block *free = heap->bins.heads[bin]; free != NULL; free = free->next) {
            released += brkm__purge_block(&free->header);
        }
    }
    return released;
}

size_t brkm__heap_trim(struct heap *heap, size_t pad)
{
    lock_acquire(&heap->lock);
    size_t released = brkm__top_trim(&heap->top, pad);
    if (heap->spare != NULL) {
        released += remove_fallback_region(heap, heap->spare);
        heap->spare = NULL;
    }
    released += purge_bins(heap);
    lock_release(&heap->lock);
    return released;
}
