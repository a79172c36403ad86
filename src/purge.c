/* SPDX-License-Identifier: MIT
 * Layer 6: see purge.h. */
#include "purge.h"

#include "footprint.h"
#include "options.h"
#include "os.h"
#include "report.h"
#include "size_class.h"

/* Looks that are skipped after one that could not do anything. */
#define PAUSE 256

/* Blocks in a row without anything to give back, after which the rest of their list is left alone:
 * what was freed lately stands in front. */
#define CLEAN_IN_ROW 16

/* ---- Regret ---- */

void brkm__purge_regret(struct purge *purge, size_t bytes)
{
    purge->regretted += bytes;
}

static void fade(struct purge *purge)
{
    uint64_t now = brkm__os_milliseconds();
    uint64_t faded = (now - purge->faded_at) * BRKM_REGRET_FADES;
    purge->regretted -= min_size(purge->regretted, faded);
    purge->faded_at = now;
}

bool brkm__purge_is_regretted(struct purge *purge)
{
    if (purge->regretted != 0) {
        fade(purge);
    }
    return purge->regretted > BRKM_REGRET_MAX;
}

/* ---- Purge ---- */

static size_t discard(uintptr_t start, uintptr_t end)
{
    return start < end && brkm__footprint_discard((void *)start, end - start) ? end - start : 0;
}

/* Gives back the pages inside a block of the bins that were not. */
static size_t purge_block(struct bins *bins, struct mem_control_block *block)
{
    size_t size = block_size(block);
    if (unlikely(!block_free_end_is_sound(block, size))) {
        brkm__fatal(FAULT_BOUNDARY_TAG_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block), .caller = "brkmalloc"});
    }
    struct page_range inner = block_inner_pages(block, size, brkm__os_page_size());
    struct page_range clean = page_range_common(inner, block_clean_pages(block));
    if (page_range_bytes(clean) == page_range_bytes(inner)) {
        return 0;
    }
    if (page_range_bytes(clean) == 0) {
        clean = (struct page_range){inner.end, inner.end};
    }
    size_t dirty = page_range_bytes(inner) - page_range_bytes(clean);
    size_t released = discard(inner.start, clean.start) + discard(clean.end, inner.end);
    if (released != dirty) {
        return 0;
    }
    brkm__bins_note_purged(bins, block, size, inner);
    return released;
}

/* Purges blocks of one list until `wanted` bytes went back. */
static size_t purge_list(struct bins *bins, unsigned bin, size_t wanted, unsigned patience)
{
    size_t released = 0;
    unsigned clean = 0;
    struct free_block *block = NULL;
    while (released < wanted && clean < patience &&
           (block = brkm__bins_step(bins, bin, block)) != NULL) {
        size_t bytes = purge_block(bins, &block->header);
        released += bytes;
        clean = bytes == 0 ? clean + 1 : 0;
    }
    return released;
}

static unsigned lowest_bin(void)
{
    return size_class_bin(brkm__os_page_size());
}

/* The largest blocks first: one call to the system gives back most there. */
static size_t purge_some(struct bins *bins, size_t wanted)
{
    size_t released = 0;
    for (unsigned bin = BRKM_BIN_COUNT; bin-- > lowest_bin() && released < wanted;) {
        if (bins->heads[bin] != NULL) {
            released += purge_list(bins, bin, wanted - released, CLEAN_IN_ROW);
        }
    }
    return released;
}

void brkm__purge_look(struct purge *purge, struct bins *bins, struct top *top, size_t in_use)
{
    if (purge->pause != 0) {
        purge->pause--;
        return;
    }
    bool regretted = brkm__purge_is_regretted(purge);
    size_t dirty = purge_dirty(bins, top);
    size_t allowed = brkm__option_get(OPTION_purge_threshold) + purge_allows_beside(purge, in_use);
    if (dirty <= allowed) {
        return;
    }
    size_t wanted = min_size(dirty - allowed / 2, BRKM_PURGE_STEP);
    size_t released = 0;
    if (!regretted) {
        released = brkm__top_purge(top);
        if (released < wanted) {
            released += purge_some(bins, wanted - released);
        }
    }
    if (released == 0) {
        purge->pause = PAUSE;
    }
}

size_t brkm__purge_all(struct bins *bins)
{
    size_t released = 0;
    for (unsigned bin = brkm__bins_next_used(bins, lowest_bin()); bin < BRKM_BIN_COUNT;
         bin = brkm__bins_next_used(bins, bin + 1)) {
        released += purge_list(bins, bin, SIZE_MAX, UINT32_MAX);
    }
    return released;
}
