/* SPDX-License-Identifier: MIT
 * Of snapshots. See heap_difference.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "heap_difference.h"
#include "heap_tally.h"
#include "pages.h"

/* The heap's addresses are told apart in about so many stripes, none smaller than 64 KiB. */
#define STRIPES_WANTED 32
#define STRIPE_BITS_MIN 16

#define NAME_SIZE 80

/* Of a snapshot that does not say it, or says what cannot be, the usual one. */
static uint64_t page_bytes_of(const struct heap_snapshot *snapshot)
{
    uint64_t bytes = snapshot->page_bytes;
    return bytes >= PAGE_BYTES && (bytes & (bytes - 1)) == 0 ? bytes : PAGE_BYTES;
}

static void set_amount(struct difference_row *row, int side, struct heap_amount amount)
{
    row->bytes[side] = amount.bytes;
    row->count[side] = amount.count;
    row->has_count = true;
}

/* ---- Totals ---- */

static struct heap_amount sum_of_amounts(const struct heap_amount *amounts, size_t count)
{
    struct heap_amount sum = {0, 0};
    for (size_t i = 0; i < count; i++) {
        sum.bytes = sum_of(sum.bytes, amounts[i].bytes);
        sum.count = sum_of(sum.count, amounts[i].count);
    }
    return sum;
}

static bool has_bytes(const struct heap_snapshot snapshots[SIDE_COUNT], int kind)
{
    return snapshots[SIDE_BEFORE].bytes[kind] != 0 || snapshots[SIDE_AFTER].bytes[kind] != 0;
}

static bool has_outside(const struct heap_snapshot snapshots[SIDE_COUNT])
{
    bool found = false;
    for (int kind = SPAN_OUTSIDE_FIRST; kind < SPAN_KIND_COUNT; kind++) {
        found = found || has_bytes(snapshots, kind);
    }
    return found;
}

static void add_live(struct difference_table *table,
                     const struct heap_snapshot snapshots[SIDE_COUNT])
{
    struct difference_row *row = difference_add_row(table, "live");
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct heap_live live = heap_snapshot_live(&snapshots[side]);
        set_amount(row, side, (struct heap_amount){live.bytes, live.blocks});
    }
}

static void add_kind(struct difference_table *table, const char *name, int kind,
                     const struct heap_snapshot snapshots[SIDE_COUNT])
{
    struct difference_row *row = difference_add_row(table, name);
    bool has_blocks = span_kind_is_live(kind) || kind == SPAN_CACHED || kind == SPAN_FREE;
    for (int side = 0; side < SIDE_COUNT; side++) {
        row->bytes[side] = snapshots[side].bytes[kind];
        row->count[side] = has_blocks ? snapshots[side].blocks[kind] : 0;
    }
    row->has_count = has_blocks;
}

/* What is live, and its parts where not all is in the heap; then the other kinds. */
static void add_kinds(struct difference_table *table,
                      const struct heap_snapshot snapshots[SIDE_COUNT])
{
    add_live(table, snapshots);
    if (has_outside(snapshots)) {
        add_kind(table, "live in the heap", SPAN_USED, snapshots);
    }
    for (int kind = SPAN_OUTSIDE_FIRST; kind < SPAN_KIND_COUNT; kind++) {
        if (has_bytes(snapshots, kind)) {
            add_kind(table, span_kind_words[kind], kind, snapshots);
        }
    }
    for (int kind = SPAN_USED + 1; kind < SPAN_OUTSIDE_FIRST; kind++) {
        add_kind(table, span_kind_words[kind], kind, snapshots);
    }
}

static void add_totals(struct difference *difference,
                       const struct heap_snapshot snapshots[SIDE_COUNT],
                       const struct heap_tally tallies[SIDE_COUNT])
{
    struct difference_table *table = difference_begin_table(
        difference, (struct difference_table){
                        .key = "totals", .title = "The heap in all", .counted = "blocks"});
    add_kinds(table, snapshots);
    struct difference_row *resident =
        difference_add_row(table, "resident: all but purged, reserved, untouched");
    for (int side = 0; side < SIDE_COUNT; side++) {
        resident->bytes[side] = snapshots[side].resident;
    }
    struct difference_row *holes = difference_add_row(table, "holes");
    for (int side = 0; side < SIDE_COUNT; side++) {
        set_amount(holes, side, sum_of_amounts(tallies[side].holes, HEAP_SIZES));
    }
    struct difference_row *largest = difference_add_row(table, "largest hole");
    for (int side = 0; side < SIDE_COUNT; side++) {
        largest->bytes[side] = tallies[side].largest_hole;
    }
    struct difference_row *pinned =
        difference_add_row(table, "pinned: free, but on pages of blocks");
    for (int side = 0; side < SIDE_COUNT; side++) {
        pinned->bytes[side] = sum_of_amounts(tallies[side].pins, HEAP_PINS).bytes;
    }
    struct difference_row *end = difference_add_row(table, "from the heap's start to the break");
    for (int side = 0; side < SIDE_COUNT; side++) {
        end->bytes[side] = snapshots[side].break_bytes;
    }
}

/* ---- By size ---- */

static void name_sizes(char name[NAME_SIZE], int group)
{
    char low[NUMBER_SIZE];
    char high[NUMBER_SIZE];
    if (group == HEAP_SIZE_MIN_BITS) {
        snprintf(name, NAME_SIZE, "up to %d B", 1 << HEAP_SIZE_MIN_BITS);
        return;
    }
    number_of(low, ((uint64_t)1 << (group - 1)) + 1, 1);
    number_of(high, group > 63 ? UINT64_MAX : (uint64_t)1 << group, 1);
    snprintf(name, NAME_SIZE, "%s to %s", low, high);
}

/* A row, where there is something on one of the sides. */
static void add_amounts(struct difference_table *table, const char *name, struct heap_amount before,
                        struct heap_amount after)
{
    if (before.bytes != 0 || after.bytes != 0) {
        struct difference_row *row = difference_add_row(table, name);
        set_amount(row, SIDE_BEFORE, before);
        set_amount(row, SIDE_AFTER, after);
    }
}

/* A row for each group of sizes. */
static void add_groups(struct difference_table *table, const struct heap_amount *before,
                       const struct heap_amount *after)
{
    for (int group = HEAP_SIZE_MIN_BITS; group < HEAP_SIZES; group++) {
        char name[NAME_SIZE];
        name_sizes(name, group);
        add_amounts(table, name, before[group], after[group]);
    }
}

static void add_pins(struct difference *difference, const struct heap_tally tallies[SIDE_COUNT])
{
    struct difference_table *table = difference_begin_table(
        difference,
        (struct difference_table){
            .key = "pins",
            .title = "What pins memory, by size",
            .hint = "Free bytes that cannot go back to the system, as blocks lie on their pages; "
                    "blocks of a page share them by their bytes on it.",
            .counted = "blocks",
            .has_sum = true});
    const struct heap_amount *before = tallies[SIDE_BEFORE].pins;
    const struct heap_amount *after = tallies[SIDE_AFTER].pins;
    add_groups(table, before, after);
    for (int group = HEAP_PINS_CACHED; group < HEAP_PINS; group++) {
        add_amounts(table, group == HEAP_PINS_CACHED ? "cached" : "damaged", before[group],
                    after[group]);
    }
}

static void add_sizes(struct difference *difference, const struct heap_tally tallies[SIDE_COUNT])
{
    struct difference_table *used = difference_begin_table(
        difference,
        (struct difference_table){
            .key = "sizes",
            .title = "Live blocks, by size",
            .hint = "With headers. A snapshot has neighbours as one run: the size is their mean.",
            .counted = "blocks",
            .has_sum = true});
    add_groups(used, tallies[SIDE_BEFORE].used, tallies[SIDE_AFTER].used);
    add_pins(difference, tallies);
    struct difference_table *holes = difference_begin_table(
        difference,
        (struct difference_table){
            .key = "holes", .title = "Holes, by size", .counted = "holes", .has_sum = true});
    add_groups(holes, tallies[SIDE_BEFORE].holes, tallies[SIDE_AFTER].holes);
}

/* ---- By address ---- */

static unsigned stripe_bits(const struct picture *picture)
{
    uint64_t all = 0;
    unsigned bits = STRIPE_BITS_MIN;
    for (size_t i = 0; i < picture->area_count; i++) {
        all = sum_of(all, picture->areas[i].bytes);
    }
    while (all >> bits > STRIPES_WANTED) {
        bits++;
    }
    return bits;
}

/* Goes through the stripes of one area after the other, whose spans are by address. */
struct striper {
    struct difference_table *table;
    unsigned bits;
    uint64_t first;
    uint64_t count;
    uint64_t (*bytes)[SIDE_COUNT]; /* live, of each stripe of the area */
    uint64_t last;                 /* stripe so far: another area may have a part of it */
    uint64_t last_bytes[SIDE_COUNT];
};

static void add_last(struct striper *striper)
{
    const uint64_t *bytes = striper->last_bytes;
    if (bytes[SIDE_BEFORE] != 0 || bytes[SIDE_AFTER] != 0) {
        char name[NAME_SIZE];
        uint64_t start = striper->last << striper->bits;
        snprintf(name, sizeof(name), "%#" PRIx64 " to %#" PRIx64, start,
                 start + (((uint64_t)1 << striper->bits) - 1));
        struct difference_row *row = difference_add_row(striper->table, name);
        row->bytes[SIDE_BEFORE] = bytes[SIDE_BEFORE];
        row->bytes[SIDE_AFTER] = bytes[SIDE_AFTER];
    }
}

static void add_stripe(struct striper *striper, uint64_t stripe, const uint64_t bytes[SIDE_COUNT])
{
    if (stripe != striper->last) {
        add_last(striper);
        striper->last = stripe;
        memset(striper->last_bytes, 0, sizeof(striper->last_bytes));
    }
    for (int side = 0; side < SIDE_COUNT; side++) {
        striper->last_bytes[side] = sum_of(striper->last_bytes[side], bytes[side]);
    }
}

static void stripe_span(struct striper *striper, const struct span *span)
{
    uint64_t end = span_end(span);
    uint64_t address = span->address;
    while (span_kind_is_live(span->kind) && address < end) {
        uint64_t stripe = address >> striper->bits;
        uint64_t last = (stripe << striper->bits) + (((uint64_t)1 << striper->bits) - 1);
        uint64_t stop = last < end - 1 ? last + 1 : end;
        uint64_t *bytes = &striper->bytes[stripe - striper->first][span->from];
        *bytes = sum_of(*bytes, stop - address);
        address = stop;
    }
}

static void stripe_area(struct striper *striper, const struct area *area, const struct span *spans)
{
    uint64_t last = area->start + (area->bytes == 0 ? 0 : area->bytes - 1);
    striper->first = area->start >> striper->bits;
    striper->count = (last >> striper->bits) - striper->first + 1;
    striper->bytes = memory_zeroed(striper->count, sizeof(*striper->bytes));
    for (size_t i = 0; i < area->spans; i++) {
        stripe_span(striper, &spans[i]);
    }
    for (uint64_t i = 0; i < striper->count; i++) {
        add_stripe(striper, striper->first + i, striper->bytes[i]);
    }
    free(striper->bytes);
}

static void add_places(struct difference *difference, const struct picture *picture)
{
    struct striper striper = {
        .table = difference_begin_table(difference,
                                        (struct difference_table){.key = "places",
                                                                  .title = "Live bytes, by address",
                                                                  .counted = "",
                                                                  .has_sum = true}),
        .bits = stripe_bits(picture)};
    const struct span *spans = picture->spans;
    for (size_t i = 0; i < picture->area_count; i++) {
        stripe_area(&striper, &picture->areas[i], spans);
        spans += picture->areas[i].spans;
    }
    add_last(&striper);
}

/* ---- The whole ---- */

static void add_words(struct difference *difference,
                      const struct heap_snapshot snapshots[SIDE_COUNT])
{
    static const char *const words[SIDE_COUNT] = {"before", "after"};
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct heap_snapshot *snapshot = &snapshots[side];
        text_format(&difference->about[side], "snapshot of process %" PRIu64 " on brkmalloc %s",
                    snapshot->process, snapshot->version);
        if (!snapshot->has_areas) {
            text_format(
                &difference->notes,
                "What lies outside of the heap, as mapped blocks, is not in the snapshot %s: "
                "an earlier release wrote it.\n",
                words[side]);
        }
        if (snapshot->areas_left_out != 0) {
            text_format(&difference->notes,
                        "%" PRIu64 " mapped blocks and other areas beside the heap are not in the "
                        "snapshot %s, which has no more than so many.\n",
                        snapshot->areas_left_out, words[side]);
        }
        if (snapshot->runs_left_out != 0) {
            text_format(&difference->notes,
                        "%" PRIu64 " runs are not in the snapshot %s, which has no more than so "
                        "many: they are missing here.\n",
                        snapshot->runs_left_out, words[side]);
        }
    }
}

void difference_of_snapshots(struct difference *difference,
                             const struct heap_snapshot snapshots[SIDE_COUNT],
                             const struct picture *picture)
{
    struct heap_tally tallies[SIDE_COUNT];
    difference->kind = "snapshots";
    for (int side = 0; side < SIDE_COUNT; side++) {
        heap_tally_make(&tallies[side], picture, (uint16_t)side, page_bytes_of(&snapshots[side]));
    }
    add_words(difference, snapshots);
    add_totals(difference, snapshots, tallies);
    add_sizes(difference, tallies);
    if (snapshots[SIDE_BEFORE].process == snapshots[SIDE_AFTER].process) {
        add_places(difference, picture);
    } else {
        text_add(&difference->notes, "The snapshots are of two processes, whose addresses cannot "
                                     "be compared.\n");
    }
    difference_sort(difference);
}
