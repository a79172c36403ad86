/* SPDX-License-Identifier: MIT
 * See purge.h. */
#include "heap/purge.h"

#include "heap/size_class.h"
#include "kit/footprint.h"
#include "kit/huge_pages.h"
#include "kit/options.h"
#include "kit/report.h"
#include "system/os.h"

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

/* What is known of both ranges, as one; of two that are apart the larger. */
static struct page_range joined(struct page_range a, struct page_range b)
{
    if (a.start <= b.end && b.start <= a.end) {
        return (struct page_range){min_size(a.start, b.start), max_size(a.end, b.end)};
    }
    return page_range_bytes(a) >= page_range_bytes(b) ? a : b;
}

/* Gives back the units inside a block of the bins that were not. */
static size_t purge_block(struct bins *bins, struct mem_control_block *block, size_t unit)
{
    size_t size = block_size(block);
    if (unlikely(!block_free_end_is_sound(block, size))) {
        brkm__fatal(FAULT_BOUNDARY_TAG_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block), .caller = "brkmalloc"});
    }
    struct page_range inner = block_inner_pages(block, size, unit);
    struct page_range known = block_clean_pages(block);
    struct page_range clean = page_range_common(inner, known);
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
    brkm__bins_note_purged(bins, block, size, joined(inner, known));
    return released;
}

/* Purges blocks of one list until `wanted` bytes went back. */
static size_t purge_list(struct bins *bins, unsigned bin, size_t wanted, size_t unit,
                         unsigned patience)
{
    size_t released = 0;
    unsigned clean = 0;
    struct free_block *block = NULL;
    while (released < wanted && clean < patience &&
           (block = brkm__bins_step(bins, bin, block)) != NULL) {
        size_t bytes = purge_block(bins, &block->header, unit);
        released += bytes;
        clean = bytes == 0 ? clean + 1 : 0;
    }
    return released;
}

static unsigned lowest_bin(size_t unit)
{
    return size_class_bin(unit);
}

/* The largest blocks first: one call to the system gives back most there. */
static size_t purge_some(struct bins *bins, size_t wanted, size_t unit)
{
    size_t released = 0;
    for (unsigned bin = BRKM_BIN_COUNT; bin-- > lowest_bin(unit) && released < wanted;) {
        if (bins->heads[bin] != NULL) {
            released += purge_list(bins, bin, wanted - released, unit, CLEAN_IN_ROW);
        }
    }
    return released;
}

static size_t purge_units(struct bins *bins, struct top *top, size_t wanted, size_t unit)
{
    size_t released = brkm__top_purge(top, unit);
    return released < wanted ? released + purge_some(bins, wanted - released, unit) : released;
}

/* Huge pages go back as a whole as far as that does; beyond it pages of the usual size do, at the
 * price of huge pages that are split: what is free may not stay resident without a bound. */
static size_t purge_best(struct bins *bins, struct top *top, size_t wanted)
{
    size_t page = brkm__os_page_size();
    size_t unit = brkm__huge_pages_unit();
    size_t released = purge_units(bins, top, wanted, unit);
    if (unlikely(unit != page) && released < wanted) {
        released += purge_units(bins, top, wanted - released, page);
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
    size_t allowed = brkm__option_get(OPTION_purge_threshold) + purge_allows_beside(purge, in_use) +
                     (regretted ? purge->regretted : 0);
    if (dirty <= allowed) {
        return;
    }
    size_t wanted = regretted ? dirty - allowed : dirty - allowed / 2;
    if (purge_best(bins, top, min_size(wanted, BRKM_PURGE_STEP)) == 0) {
        purge->pause = PAUSE;
    }
}

size_t brkm__purge_all(struct bins *bins)
{
    size_t released = 0;
    size_t page = brkm__os_page_size();
    for (unsigned bin = brkm__bins_next_used(bins, lowest_bin(page)); bin < BRKM_BIN_COUNT;
         bin = brkm__bins_next_used(bins, bin + 1)) {
        released += purge_list(bins, bin, SIZE_MAX, page, UINT32_MAX);
    }
    return released;
}

/* ---- Later, when the program is quiet ---- */

size_t brkm__purge_keeps(void)
{
    return brkm__option_get(OPTION_purge_threshold);
}

void brkm__purge_wake(const struct bins *bins, const struct top *top)
{
    if (purge_dirty(bins, top) > brkm__purge_keeps()) {
        brkm__alarm_ring();
    }
}

/* Gives back a step's worth of a block's pages, such that what is clean stays one range. Returns
 * the bytes; 0 when nothing is left. */
static size_t purge_piece(struct bins *bins, struct mem_control_block *block)
{
    size_t size = block_size(block);
    struct page_range inner = block_inner_pages(block, size, brkm__os_page_size());
    struct page_range clean = page_range_common(inner, block_clean_pages(block));
    if (page_range_bytes(clean) == 0) {
        clean = (struct page_range){inner.end, inner.end};
    }
    struct page_range piece;
    if (clean.start > inner.start) {
        size_t bytes = min_size(clean.start - inner.start, BRKM_PURGE_STEP);
        piece = (struct page_range){clean.start - bytes, clean.start};
        clean.start = piece.start;
    } else {
        size_t bytes = min_size(inner.end - clean.end, BRKM_PURGE_STEP);
        piece = (struct page_range){clean.end, clean.end + bytes};
        clean.end = piece.end;
    }
    size_t released = discard(piece.start, piece.end);
    if (released != 0) {
        brkm__bins_note_purged(bins, block, size, clean);
    }
    return released;
}

/* What a purge that goes on for long knows. */
struct long_purge {
    struct bins *bins;
    struct top *top;
    size_t keep;
    const struct lock *lock;
};

static bool goes_on(const struct long_purge *purge)
{
    return purge_dirty(purge->bins, purge->top) > purge->keep && !lock_is_awaited(purge->lock);
}

static size_t purge_whole_block(const struct long_purge *purge, struct mem_control_block *block)
{
    size_t released = 0;
    size_t piece = 1;
    while (piece != 0 && goes_on(purge)) {
        piece = purge_piece(purge->bins, block);
        released += piece;
    }
    return released;
}

static size_t purge_whole_bin(const struct long_purge *purge, unsigned bin)
{
    size_t released = 0;
    struct free_block *block = NULL;
    while (goes_on(purge) && (block = brkm__bins_step(purge->bins, bin, block)) != NULL) {
        released += purge_whole_block(purge, &block->header);
    }
    return released;
}

static size_t purge_whole_top(const struct long_purge *purge)
{
    size_t released = 0;
    size_t piece = 1;
    while (piece != 0 && goes_on(purge)) {
        piece = brkm__top_purge_some(purge->top, BRKM_PURGE_STEP, brkm__os_page_size());
        released += piece;
    }
    return released;
}

size_t brkm__purge_down_to(struct bins *bins, struct top *top, size_t keep, const struct lock *lock)
{
    const struct long_purge purge = {bins, top, keep, lock};
    size_t released = purge_whole_top(&purge);
    for (unsigned bin = BRKM_BIN_COUNT;
         bin-- > lowest_bin(brkm__os_page_size()) && goes_on(&purge);) {
        if (bins->heads[bin] != NULL) {
            released += purge_whole_bin(&purge, bin);
        }
    }
    return released;
}
