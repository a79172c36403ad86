/* SPDX-License-Identifier: MIT
 * The heap walker. Verifies the numbered invariants of docs/design.md and names each
 * violation on standard error. */
#include "brkmalloc/brkmalloc.h"
#include "heap/bins.h"
#include "heap/block.h"
#include "heap/heap.h"
#include "heap/regions.h"
#include "heap/size_class.h"
#include "kit/report.h"
#include "system/os.h"

/* What one walk has seen. */
struct walk {
    const struct heap *heap;
    int violations;
    size_t free_blocks;
    size_t free_bytes;
    size_t dirty_bytes;
    size_t in_use_blocks;
    size_t in_use_bytes;
};

static void violation(struct walk *walk, const char *invariant, const void *address)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: heap check: ");
    brkm__line_add_text(&line, invariant);
    brkm__line_add_text(&line, " at ");
    brkm__line_add_pointer(&line, address);
    brkm__line_write(&line);
    walk->violations++;
}

static void expect(struct walk *walk, bool holds, const char *invariant, const void *address)
{
    if (!holds) {
        violation(walk, invariant, address);
    }
}

/* ---- Regions ---- */

static void check_free_block(struct walk *walk, const struct mem_control_block *block,
                             bool previous_was_free)
{
    size_t size = block_size(block);
    const struct mem_control_block *next = block_next(block);
    walk->free_blocks++;
    walk->free_bytes += size;
    walk->dirty_bytes += block_dirty_bytes(block, size, brkm__os_page_size());
    expect(walk, !previous_was_free, "I2: no two free blocks are neighbours", block);
    expect(walk, next != walk->heap->top.block, "I2: no free block borders the top", block);
    expect(walk, *block_boundary_tag_before(next) == size, "I3: the boundary tag is the size",
           block);
    struct page_range inner = block_inner_pages(block, size, brkm__os_page_size());
    struct page_range clean = block_clean_pages(block);
    expect(walk, page_range_bytes(page_range_common(inner, clean)) == page_range_bytes(clean),
           "I10: the pages that were given back lie inside", block);
}

static void check_block(struct walk *walk, const struct mem_control_block *block,
                        enum block_state state, bool previous_was_free)
{
    expect(walk, block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE) == previous_was_free,
           "I3: the flag tells whether the previous block is free", block);
    expect(walk, state == BLOCK_FREE || !block_has_flag(block, BLOCK_FLAG_PURGED),
           "I10: only of free blocks pages were given back", block);
    if (state == BLOCK_FREE) {
        check_free_block(walk, block, previous_was_free);
    } else if (state == BLOCK_IN_USE || block_state_is_watched(state) || state == BLOCK_CACHED) {
        walk->in_use_blocks++;
        walk->in_use_bytes += block_size(block);
    }
}

static void check_region(struct walk *walk, const struct region *region)
{
    const struct mem_control_block *block = region->first;
    bool previous_was_free = false;
    for (;;) {
        if ((uintptr_t)block + BRKM_HEADER_SIZE > region->end) {
            violation(walk, "I1: blocks tile the region", block);
            return;
        }
        enum block_state state = block_state(block);
        if (state == BLOCK_DAMAGED || state == BLOCK_GONE) {
            violation(walk, "I5: every header has its seal", block);
            return;
        }
        check_block(walk, block, state, previous_was_free);
        if (state == BLOCK_TOP || state == BLOCK_FENCEPOST) {
            break;
        }
        expect(walk, block_short_size(block) >= BRKM_MIN_BLOCK, "I1: a block has the least size",
               block);
        previous_was_free = state == BLOCK_FREE;
        block = block_next(block);
    }
    bool ends_right = block_state(block) == BLOCK_TOP
                          ? block == walk->heap->top.block && region == walk->heap->top.region
                          : (uintptr_t)block + BRKM_HEADER_SIZE == region->end;
    expect(walk, ends_right, "I4: a region ends with its fencepost or the top", block);
}

/* ---- Bins ---- */

static size_t check_bin(struct walk *walk, unsigned bin)
{
    size_t count = 0;
    const struct free_block *previous = NULL;
    for (const struct free_block *free = walk->heap->bins.heads[bin]; free != NULL;
         free = free->next) {
        if (!brkm__regions_contain_payload(block_payload(&free->header)) ||
            block_state(&free->header) != BLOCK_FREE) {
            violation(walk, "I6: a list holds free blocks only", free);
            break;
        }
        expect(walk, size_class_bin(block_size(&free->header)) == bin,
               "I6: a free block is in the bin of its size", free);
        expect(walk, free->previous == previous, "I6: links lead back", free);
        previous = free;
        count++;
        if (count > walk->heap->bins.blocks) {
            violation(walk, "I6: a list has an end", free);
            break;
        }
    }
    return count;
}

static void check_bins(struct walk *walk)
{
    const struct bins *bins = &walk->heap->bins;
    size_t listed = 0;
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        listed += check_bin(walk, bin);
        bool marked = bins->words[bin / BINS_WORD_BITS] >> bin % BINS_WORD_BITS & 1;
        expect(walk, marked == (bins->heads[bin] != NULL),
               "I7: the bin map marks the bins that are not empty", &bins->heads[bin]);
    }
    for (unsigned word = 0; word < BINS_WORDS; word++) {
        expect(walk, (bins->summary >> word & 1) == (bins->words[word] != 0),
               "I7: the summary marks the words that are not 0", &bins->words[word]);
    }
    expect(walk, listed == walk->free_blocks, "I6: each free block is in a list once", bins);
    bool true_counters = bins->blocks == walk->free_blocks && bins->bytes == walk->free_bytes &&
                         bins->dirty == walk->dirty_bytes;
    expect(walk, true_counters, "I8: the bins' counters are true", bins);
}

int brkm_check_heap(void)
{
    struct heap *heap = &brkm__main_heap;
    struct walk walk = {.heap = heap};
    lock_acquire(&heap->lock);
    for (const struct region *region = brkm__regions_next(NULL); region != NULL;
         region = brkm__regions_next(region)) {
        check_region(&walk, region);
    }
    check_bins(&walk);
    expect(&walk,
           heap->in_use_blocks == walk.in_use_blocks && heap->in_use_bytes == walk.in_use_bytes,
           "I8: the heap's counters are true", heap);
    lock_release(&heap->lock);
    return walk.violations;
}
