/* SPDX-License-Identifier: MIT
 * What moving one block would free. Headers lead forward only, so the first of a page is looked
 * for: no header lies inside a payload (I5), and one that is taken for such must lead to the block.
 */
#include "base/valgrind.h"
#include "brkmalloc/brkmalloc.h"
#include "heap/heap.h"
#include "stats/pages.h"
#include "stats/slices.h"
#include "system/os.h"

static bool is_last(const struct walk *at)
{
    return at->state == BLOCK_TOP || at->state == BLOCK_FENCEPOST || at->state == BLOCK_DAMAGED;
}

/* True when the blocks from the one that `walk` stands at on lead to `block`. */
static bool leads_to(struct walk walk, const struct mem_control_block *block)
{
    while (walk.block < block && !is_last(&walk)) {
        brkm__walk_step(&walk);
    }
    return walk.block == block;
}

/* Stands at the first block that begins on the page of `start`, at `block` or before. */
static void stand_at_first(struct walk *walk, const struct walk *block, uintptr_t start)
{
    uintptr_t address = max_size(start + BRKM_HEADER_SIZE, (uintptr_t)block->region->first);
    for (; address < (uintptr_t)block->block; address += BRKM_ALIGNMENT) {
        if (brkm__walk_stand_at(walk, block->region, (struct mem_control_block *)address) &&
            leads_to(*walk, block->block)) {
            return;
        }
    }
    *walk = *block;
}

/* What lies on the page in front of the first block that begins there. */
static void add_before(struct page_use *use, const struct walk *first)
{
    uintptr_t start = max_size(use->start, (uintptr_t)first->region->first);
    size_t bytes = page_use_common(use, start, (uintptr_t)first->block);
    bool is_idle = block_has_flag(first->block, BLOCK_FLAG_PREVIOUS_FREE);
    *(is_idle ? &use->idle : &use->held) += bytes;
}

/* The block's share on the page that begins at `start`. */
static size_t share_on(const struct walk *block, uintptr_t start, size_t page)
{
    struct page_use use = page_use_begin(block->region, start, page);
    struct walk walk;
    stand_at_first(&walk, block, start);
    add_before(&use, &walk);
    page_use_add(&use, &walk);
    while (walk_block_end(&walk) < use.end && !is_last(&walk)) {
        brkm__walk_step(&walk);
        page_use_add(&use, &walk);
    }
    return page_use_share(&use,
                          page_use_common(&use, (uintptr_t)block->block, walk_block_end(block)));
}

/* Of the pages that a block lies on only the first and the last have room for others. */
static size_t hint_of(const struct walk *block)
{
    size_t page = brkm__os_page_size();
    uintptr_t first = align_down((uintptr_t)block->block, page);
    uintptr_t last = align_down(walk_block_end(block) - 1, page);
    size_t hint = share_on(block, first, page);
    return first == last ? hint : hint + share_on(block, last, page);
}

size_t brkm_move_hint(const void *memory)
{
    size_t hint = 0;
    struct walk walk;
    if (!brkm__regions_contain_payload(memory)) {
        return 0;
    }
    brkm__slices_lock();
    annotate_silence(true);
    const struct region *region = brkm__regions_around((uintptr_t)memory);
    if (region != NULL && brkm__walk_stand_at(&walk, region, block_from_payload(memory)) &&
        block_state_is_in_use(walk.state)) {
        hint = hint_of(&walk);
    }
    annotate_silence(false);
    brkm__slices_unlock();
    return hint;
}
