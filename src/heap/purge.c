/* SPDX-License-Identifier: MIT
 * See purge.h. */
#include "heap/purge.h"

#include "heap/chunks.h"
#include "heap/free_space.h"
#include "heap/size_class.h"
#include "kit/alarm.h"
#include "kit/footprint.h"
#include "kit/huge_pages.h"
#include "kit/options.h"
#include "kit/report.h"
#include "system/os.h"

/* Looks that are skipped after one that could not do anything; twice as many after each further
 * one that the system refused, up to 65536: memory that is locked stays so for long. */
#define PAUSE 256u
#define PAUSE_DOUBLINGS 8u

/* Calls that the system refuses before a purge ends. */
#define REFUSALS_MAX 2u

/* Blocks in a row without anything to give back, after which the rest of their list is left alone:
 * what was freed lately stands first. */
#define CLEAN_IN_ROW 16u

/* ---- Regret ---- */

static void fade(struct purge *purge)
{
    uint64_t now = brkm__os_milliseconds();
    uint64_t faded = (now - purge->faded_at) * purge_part(purge, BRKM_REGRET_FADES);
    purge->regretted -= min_size(purge->regretted, faded);
    purge->faded_at = now;
}

void brkm__purge_regret(struct purge *purge, size_t bytes)
{
    if (unlikely(bytes != 0)) {
        /* What was regretted before fades from its own time on, what comes now from now on. */
        fade(purge);
        purge->regretted += bytes;
    }
}

bool brkm__purge_is_regretted(struct purge *purge)
{
    if (purge->regretted != 0) {
        fade(purge);
    }
    return purge->regretted > purge_part(purge, BRKM_REGRET_MAX);
}

/* ---- Purge ---- */

/* What one purge knows. */
struct job {
    struct heap *heap;
    size_t keep;       /* bytes of free pages that may stay resident */
    size_t unit;       /* bytes that go back as a whole: pages or huge pages */
    unsigned patience; /* clean blocks of a list before the rest of it is left alone */
    size_t step;       /* bytes between looks whether somebody waits for the lock */
    size_t released;
    unsigned refusals;
};

static bool goes_on(const struct job *job)
{
    const struct heap *heap = job->heap;
    bool yields = job->step != SIZE_MAX && lock_is_awaited(&heap->lock);
    return purge_dirty(&heap->bins, &heap->top) > job->keep && job->refusals < REFUSALS_MAX &&
           !(yields && job->released != 0);
}

/* What is known of both ranges, as one; of two that are apart the larger. */
static struct page_range joined(struct page_range a, struct page_range b)
{
    if (a.start <= b.end && b.start <= a.end) {
        return (struct page_range){min_size(a.start, b.start), max_size(a.end, b.end)};
    }
    return page_range_bytes(a) >= page_range_bytes(b) ? a : b;
}

/* A step's worth of the units `inner` that are not `clean`, bordering those that are. */
static struct page_range next_piece(const struct job *job, struct page_range inner,
                                    struct page_range clean)
{
    if (clean.start > inner.start) {
        size_t bytes = min_size(clean.start - inner.start, job->step);
        return (struct page_range){align_down(clean.start - bytes, job->unit), clean.start};
    }
    size_t bytes = min_size(inner.end - clean.end, job->step);
    return (struct page_range){clean.end, clean.end + bytes};
}

/* Gives back a piece of a block, such that what is clean stays one range. False when nothing is
 * left, or the system refused. */
static bool purge_piece(struct job *job, struct mem_control_block *block, size_t size)
{
    struct page_range inner = block_inner_pages(block, size, job->unit);
    struct page_range known = block_clean_pages(block);
    struct page_range clean = page_range_common(inner, known);
    if (page_range_bytes(clean) == 0) {
        clean = (struct page_range){inner.end, inner.end};
    }
    struct page_range piece = next_piece(job, inner, clean);
    if (page_range_bytes(piece) == 0) {
        return false;
    }
    if (!brkm__footprint_discard((void *)piece.start, page_range_bytes(piece))) {
        job->refusals++;
        return false;
    }
    brkm__bins_note_purged(&job->heap->bins, block, size, joined(joined(clean, piece), known));
    job->released += page_range_bytes(piece);
    return true;
}

/* True when anything of it went back. */
static bool purge_block(struct job *job, struct mem_control_block *block)
{
    size_t size = block_size(block);
    size_t before = job->released;
    if (unlikely(!block_free_end_is_sound(block, size))) {
        brkm__fatal(FAULT_BOUNDARY_TAG_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block)});
    }
    while (goes_on(job) && purge_piece(job, block, size)) {
    }
    return job->released != before;
}

static void purge_bin(struct job *job, unsigned bin)
{
    const struct bins *bins = &job->heap->bins;
    struct free_block *block = NULL;
    unsigned clean = 0;
    /* The step verifies the links of the block before: of the last one purged, too. */
    while (clean < job->patience && (block = brkm__bins_step(bins, bin, block)) != NULL &&
           goes_on(job)) {
        clean = purge_block(job, &block->header) ? 0 : clean + 1;
    }
}

/* The largest blocks first: one call to the system gives back most there. */
static void purge_bins(struct job *job)
{
    const struct bins *bins = &job->heap->bins;
    unsigned lowest = size_class_bin(job->unit);
    for (unsigned bin = BRKM_BIN_COUNT; bin-- > lowest && bins->dirty != 0;) {
        if (bins->heads[bin] != NULL) {
            purge_bin(job, bin);
        }
    }
}

static void purge_top(struct job *job)
{
    struct top *top = &job->heap->top;
    size_t piece = 1;
    while (piece != 0 && goes_on(job)) {
        piece = brkm__top_purge(top, job->step, job->unit);
        job->released += piece;
        job->refusals += piece == 0 && top_dirty(top) >= 2 * job->unit;
    }
}

/* Huge pages go back as a whole as far as that does; beyond it, and beyond `fringe` bytes, pages of
 * the usual size do, at the price of huge pages that are split: what is free may not stay resident
 * without a bound. */
static void purge(struct job *job, bool with_top, size_t fringe)
{
    size_t page = brkm__os_page_size();
    job->unit = brkm__huge_pages_unit();
    for (;;) {
        if (with_top) {
            purge_top(job);
        }
        purge_bins(job);
        if (likely(job->unit == page) || !goes_on(job)) {
            return;
        }
        job->unit = page;
        job->keep += fringe;
    }
}

/* ---- When ---- */

size_t brkm__purge_keeps(void)
{
    bool all = brkm__option_get(OPTION_keep_memory) != 0 ||
               brkm__option_get(OPTION_trim_threshold) == PTRDIFF_MAX;
    return unlikely(all) ? SIZE_MAX : brkm__option_get(OPTION_purge_threshold);
}

/* The least part of a heap: what it keeps must be worth a look. */
#define PART_MIN 16u

static void look_at_others(struct heap *heap)
{
    if (chunks_exist()) {
        size_t unit = max_size(heaps_handed_out(), heap->in_use_bytes) / PURGE_PARTS + 1;
        size_t own = min_size(heap->in_use_bytes / unit, PURGE_PARTS);
        heap->purge.others = PURGE_PARTS - (unsigned)max_size(own, PART_MIN);
    }
}

/* Bytes of the threshold that are the heap's. */
static size_t threshold_of(const struct heap *heap)
{
    size_t keeps = brkm__purge_keeps();
    return keeps == SIZE_MAX ? keeps : purge_part(&heap->purge, keeps);
}

/* The looks that a purge lets pass before the next one. */
static void note_result(struct purge *purge, const struct job *job)
{
    if (job->released != 0) {
        purge->refusals = 0;
        return;
    }
    purge->pause = PAUSE << min_size(purge->refusals, PAUSE_DOUBLINGS);
    purge->refusals += job->refusals != 0;
}

void brkm__purge_look(struct heap *heap)
{
    struct purge *state = &heap->purge;
    brkm_assert(brkm__lock_is_held(&heap->lock), "purge under the heap's lock");
    if (state->pause != 0) {
        state->pause--;
        return;
    }
    size_t dirty = purge_dirty(&heap->bins, &heap->top);
    look_at_others(heap);
    if (likely(dirty <= purge_part(state, brkm__option_get(OPTION_purge_threshold)))) {
        /* At least as much is kept: no need to look at the clock. */
        return;
    }
    bool regretted = brkm__purge_is_regretted(state);
    size_t allowed;
    if (__builtin_add_overflow(threshold_of(heap),
                               purge_allows_beside(state, heap->in_use_bytes) +
                                   (regretted ? state->regretted : 0),
                               &allowed) ||
        dirty <= allowed) {
        return;
    }
    struct job job = {.heap = heap,
                      .keep = regretted ? allowed : allowed / 2,
                      .patience = CLEAN_IN_ROW,
                      .step = BRKM_PURGE_STEP};
    purge(&job, true, brkm__huge_pages_unit());
    note_result(state, &job);
}

bool brkm__purge_is_within(const struct heap *heap)
{
    return purge_dirty(&heap->bins, &heap->top) <= threshold_of(heap);
}

void brkm__purge_wake(const struct heap *heap)
{
    if (!brkm__purge_is_within(heap)) {
        brkm__alarm_ring();
    }
}

size_t brkm__purge_down_to(struct heap *heap, size_t keep)
{
    brkm_assert(brkm__lock_is_held(&heap->lock), "purge under the heap's lock");
    struct job job = {.heap = heap, .keep = keep, .patience = UINT32_MAX, .step = BRKM_PURGE_STEP};
    if (!lock_is_awaited(&heap->lock)) {
        purge(&job, true, 0);
    }
    return job.released;
}

size_t brkm__purge_all(struct heap *heap, bool with_top)
{
    brkm_assert(brkm__lock_is_held(&heap->lock), "purge under the heap's lock");
    struct job job = {.heap = heap, .patience = UINT32_MAX, .step = SIZE_MAX};
    purge(&job, with_top, 0);
    return job.released;
}
