/* SPDX-License-Identifier: MIT
 * See walk.h. */
#include "heap/walk.h"

#include "heap/heaps.h"
#include "heap/size_class.h"
#include "kit/report.h"
#include "system/os.h"

/* ---- Steps ---- */

static bool is_last(enum block_state state)
{
    return state == BLOCK_TOP || state == BLOCK_FENCEPOST || state == BLOCK_DAMAGED;
}

/* Takes the block at `block`, or the rest of the region where that cannot be one. */
static void look_at(struct walk *walk, const struct mem_control_block *block)
{
    size_t rest = walk->region->end - (uintptr_t)block;
    walk->block = block;
    walk->state = rest < BRKM_HEADER_SIZE ? BLOCK_DAMAGED : block_state(block);
    walk->size = 0;
    if (walk->state == BLOCK_TOP || walk->state == BLOCK_FENCEPOST) {
        return;
    }
    if (walk->state != BLOCK_DAMAGED && walk->state != BLOCK_GONE) {
        walk->size = block_size(block);
    }
    if (walk->size < BRKM_MIN_BLOCK || walk->size > rest) {
        walk->state = BLOCK_DAMAGED;
        walk->size = rest;
    }
}

bool brkm__walk_step(struct walk *walk)
{
    if (walk->region != NULL && !is_last(walk->state)) {
        look_at(walk, block_at_offset(walk->block, walk->size));
        return true;
    }
    walk->region = brkm__regions_next(walk->region);
    if (walk->region != NULL) {
        look_at(walk, walk->region->first);
    }
    return walk->region != NULL;
}

static bool covers(const struct walk *walk, uintptr_t address)
{
    uintptr_t start = (uintptr_t)walk->block;
    size_t size = is_last(walk->state) ? walk->region->end - start : walk->size;
    return address - start < size;
}

const struct mem_control_block *brkm__walk_find(const void *address)
{
    struct walk walk = {0};
    while (brkm__walk_step(&walk)) {
        if (covers(&walk, (uintptr_t)address)) {
            return walk.block;
        }
    }
    return NULL;
}

/* ---- The check ---- */

struct check {
    bool quiet;
    int violations; /* by the heap or by the program */
    int writes;     /* of these, what a program can have overwritten */
    size_t free_blocks;
    size_t free_bytes;
    size_t dirty_bytes;
    size_t in_use_blocks;
    size_t in_use_bytes;
    int edges; /* 1 between the edges of a chunk */
};

static void name_violation(const char *invariant, const void *address)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: heap check: ");
    brkm__line_add_text(&line, invariant);
    brkm__line_add_text(&line, " at ");
    brkm__line_add_pointer(&line, address);
    brkm__line_write(&line);
}

/* For what lies out of the program's reach. */
static void expect(struct check *check, bool holds, const char *invariant, const void *address)
{
    if (!holds) {
        check->violations++;
        if (!check->quiet) {
            name_violation(invariant, address);
        }
    }
}

/* For what lies in or between payloads, where a program may have written to it. */
static bool expect_unwritten(struct check *check, bool holds, const char *invariant,
                             const void *address)
{
    check->writes += !holds;
    expect(check, holds, invariant, address);
    return holds;
}

static void check_free_block(struct check *check, const struct walk *at, bool previous_was_free)
{
    const struct mem_control_block *block = at->block;
    const struct mem_control_block *next = block_at_offset(block, at->size);
    size_t page = brkm__os_page_size();
    check->free_blocks++;
    check->free_bytes += at->size;
    check->dirty_bytes += block_dirty_bytes(block, at->size, page);
    expect(check, !previous_was_free, "I2: no two free blocks are neighbours", block);
    expect(check, next != brkm__main_heap.top.block, "I2: no free block borders the top", block);
    expect_unwritten(check, *block_boundary_tag_before(next) == at->size,
                     "I3: the boundary tag is the size", block);
    struct page_range inner = block_inner_pages(block, at->size, page);
    struct page_range clean = block_clean_pages(block);
    expect_unwritten(check,
                     page_range_bytes(page_range_common(inner, clean)) == page_range_bytes(clean),
                     "I10: the pages that were given back lie inside", block);
}

static void check_end(struct check *check, const struct walk *at)
{
    const struct top *top = &brkm__main_heap.top;
    bool ends_right = at->state == BLOCK_TOP
                          ? at->block == top->block && at->region == top->region
                          : (uintptr_t)at->block + BRKM_HEADER_SIZE == at->region->end;
    expect(check, ends_right, "I4: a region ends with its fencepost or the top", at->block);
}

/* Of two edges one begins a chunk and one ends it: past the second the map says another chunk or
 * none. */
static void check_edge(struct check *check, const struct walk *at)
{
    const void *payload = block_payload(at->block);
    const void *next = block_payload(block_at_offset(at->block, at->size));
    bool begins = (uintptr_t)payload % BRKM_CHUNK_GRANULE == 0;
    check->edges += begins ? 1 : -1;
    expect(check, check->edges == (begins ? 1 : 0) && chunk_heap_number(payload) != 0,
           "I11: a chunk lies between two edges", at->block);
    expect(check, begins || (uintptr_t)next % BRKM_CHUNK_GRANULE < BRKM_MIN_BLOCK,
           "I11: chunks are whole granules", at->block);
}

static const char *what_is_wrong(const struct walk *at)
{
    bool has_header = at->size >= BRKM_HEADER_SIZE;
    enum block_state state = has_header ? block_state(at->block) : BLOCK_FENCEPOST;
    if (state == BLOCK_DAMAGED || state == BLOCK_GONE) {
        return "I5: every header has its seal";
    }
    return has_header && block_short_size(at->block) < BRKM_MIN_BLOCK
               ? "I1: a block has the least size"
               : "I1: blocks tile the region";
}

static void check_block(struct check *check, const struct walk *at, bool previous_was_free)
{
    if (at->state == BLOCK_DAMAGED) {
        expect_unwritten(check, false, what_is_wrong(at), at->block);
        return;
    }
    expect(check, block_has_flag(at->block, BLOCK_FLAG_PREVIOUS_FREE) == previous_was_free,
           "I3: the flag tells whether the previous block is free", at->block);
    expect(check, at->state == BLOCK_FREE || !block_has_flag(at->block, BLOCK_FLAG_PURGED),
           "I10: only of free blocks pages were given back", at->block);
    if (at->state == BLOCK_FREE) {
        check_free_block(check, at, previous_was_free);
    } else if (is_last(at->state)) {
        check_end(check, at);
    } else if (at->state == BLOCK_CHUNK_EDGE) {
        check_edge(check, at);
    } else {
        check->in_use_blocks++;
        check->in_use_bytes += at->size;
    }
}

static void check_regions(struct check *check)
{
    struct walk walk = {0};
    bool previous_was_free = false;
    while (brkm__walk_step(&walk)) {
        check_block(check, &walk, previous_was_free && !walk_begins_region(&walk));
        previous_was_free = walk.state == BLOCK_FREE;
    }
}

/* ---- Bins ---- */

static size_t check_bin(struct check *check, const struct heap *heap, unsigned bin)
{
    const struct bins *bins = &heap->bins;
    const struct free_block *previous = NULL;
    size_t count = 0;
    for (const struct free_block *free = bins->heads[bin]; free != NULL; free = free->next) {
        bool is_free = brkm__regions_contain_payload(block_payload(&free->header)) &&
                       block_state(&free->header) == BLOCK_FREE;
        if (!expect_unwritten(check, is_free, "I6: a list holds free blocks only", free) ||
            !expect_unwritten(check, count < bins->blocks, "I6: a list has an end", free)) {
            break;
        }
        expect(check, size_class_bin(block_size(&free->header)) == bin,
               "I6: a free block is in the bin of its size", free);
        expect(check, heap_of(&free->header) == heap, "I11: a bin holds blocks of its heap", free);
        expect_unwritten(check, free->previous == previous, "I6: links lead back", free);
        previous = free;
        count++;
    }
    return count;
}

static size_t check_bins(struct check *check, const struct heap *heap)
{
    const struct bins *bins = &heap->bins;
    size_t listed = 0;
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        listed += bins->heads[bin] != NULL ? check_bin(check, heap, bin) : 0;
        bool marked = bins->words[bin / BINS_WORD_BITS] >> bin % BINS_WORD_BITS & 1;
        expect(check, marked == (bins->heads[bin] != NULL),
               "I7: the bin map marks the bins that are not empty", &bins->heads[bin]);
    }
    for (unsigned word = 0; word < BINS_WORDS; word++) {
        expect(check, (bins->summary >> word & 1) == (bins->words[word] != 0),
               "I7: the summary marks the words that are not 0", &bins->words[word]);
    }
    expect(check, listed == bins->blocks, "I8: the bins' counters are true", bins);
    return listed;
}

static void check_counters(struct check *check)
{
    size_t listed = 0;
    size_t dirty_bytes = 0;
    for (unsigned i = 0; i <= relaxed_load(brkm__side_heaps_used); i++) {
        listed += check_bins(check, heap_numbered(i));
        dirty_bytes += heap_numbered(i)->bins.dirty;
    }
    struct heaps_totals sum = brkm__heaps_totals();
    expect(check, listed == check->free_blocks, "I6: each free block is in a list once", NULL);
    expect(check, sum.free_bytes == check->free_bytes && dirty_bytes == check->dirty_bytes,
           "I8: the bins' counters are true", NULL);
    expect(check,
           sum.in_use_blocks == check->in_use_blocks && sum.in_use_bytes == check->in_use_bytes,
           "I8: the heaps' counters are true", NULL);
}

static struct check check_heaps(bool quiet)
{
    struct check check = {.quiet = quiet};
    check_regions(&check);
    check_counters(&check);
    return check;
}

int brkm__walk_check(void)
{
    return check_heaps(false).violations;
}

/* ---- In checked builds ---- */

/* Steps of a walk that an operation pays for, and what the bins of a small heap count as. */
#define STEPS_PER_OPERATION 64u
#define STEPS_FOR_BINS 64u

bool brkm__walk_is_sound(void)
{
    static size_t owed; /* steps of the last walk not paid for; under all locks */
    if (owed >= STEPS_PER_OPERATION) {
        owed -= STEPS_PER_OPERATION;
        return true;
    }
    struct check check = check_heaps(true);
    owed = check.free_blocks + check.in_use_blocks + STEPS_FOR_BINS;
    if (check.violations == 0 || check.writes != 0) {
        return true;
    }
    brkm__walk_check();
    return false;
}
