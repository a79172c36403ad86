/* SPDX-License-Identifier: MIT
 * See heap_tally.h. */
#include "heap_tally.h"

#include <stdbool.h>
#include <stdlib.h>

#include "../profile/memory.h"
#include "../profile/text.h"

int heap_size_group(uint64_t bytes, uint64_t blocks)
{
    unsigned __int128 room = blocks == 0 ? 1 : blocks;
    int bits = 0;
    while (room < bytes) {
        room <<= 1;
        bits++;
    }
    return bits < HEAP_SIZE_MIN_BITS ? HEAP_SIZE_MIN_BITS : bits;
}

static void add_amount(struct heap_amount *amount, uint64_t bytes, uint64_t count)
{
    amount->bytes = sum_of(amount->bytes, bytes);
    amount->count = sum_of(amount->count, count);
}

/* ---- Holes ---- */

static void add_hole(struct heap_tally *tally, uint64_t bytes)
{
    if (bytes != 0) {
        add_amount(&tally->holes[heap_size_group(bytes, 1)], bytes, 1);
        tally->largest_hole = bytes > tally->largest_hole ? bytes : tally->largest_hole;
    }
}

static void tally_holes(struct heap_tally *tally, const struct span *const *spans, size_t count)
{
    uint64_t bytes = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_hole = spans[i]->kind == SPAN_FREE || spans[i]->kind == SPAN_PURGED;
        if (!is_hole || spans[i]->address != end) {
            add_hole(tally, bytes);
            bytes = 0;
        }
        bytes += is_hole ? spans[i]->bytes : 0;
        end = span_end(spans[i]);
    }
    add_hole(tally, bytes);
}

/* ---- Pages ---- */

struct sweep {
    const struct span **live; /* by address, none empty */
    size_t count;
    uint64_t *pinned; /* free bytes that each of them pins */
    unsigned page_bits;
};

static uint64_t first_page(const struct sweep *sweep, size_t index)
{
    return sweep->live[index]->address >> sweep->page_bits;
}

static uint64_t last_page(const struct sweep *sweep, size_t index)
{
    return (span_end(sweep->live[index]) - 1) >> sweep->page_bits;
}

/* Bytes of the run on the page, which it lies on. */
static uint64_t bytes_on(const struct sweep *sweep, size_t index, uint64_t page)
{
    const struct span *span = sweep->live[index];
    uint64_t mask = ((uint64_t)1 << sweep->page_bits) - 1;
    uint64_t from = first_page(sweep, index) == page ? span->address & mask : 0;
    uint64_t last = last_page(sweep, index) == page ? (span_end(span) - 1) & mask : mask;
    return last - from + 1;
}

/* What is free of the page counts for the runs `first` to `last` by their bytes on it, such that
 * the shares add up to the whole. */
static void share_page(struct sweep *sweep, size_t first, size_t last, uint64_t page)
{
    uint64_t live = 0;
    for (size_t i = first; i <= last; i++) {
        live += bytes_on(sweep, i, page);
    }
    uint64_t page_bytes = (uint64_t)1 << sweep->page_bits;
    uint64_t unused = live < page_bytes ? page_bytes - live : 0;
    uint64_t before = 0;
    uint64_t given = 0;
    for (size_t i = first; i <= last; i++) {
        before += bytes_on(sweep, i, page);
        uint64_t so_far = (uint64_t)((unsigned __int128)unused * before / live);
        sweep->pinned[i] += so_far - given;
        given = so_far;
    }
}

/* Pages between the first and the last one of a run are full. */
static void sweep_pages(struct sweep *sweep)
{
    size_t first = 0;
    uint64_t page = sweep->count != 0 ? first_page(sweep, 0) : 0;
    while (first < sweep->count) {
        size_t last = first;
        while (last + 1 < sweep->count && first_page(sweep, last + 1) == page) {
            last++;
        }
        share_page(sweep, first, last, page);
        if (last_page(sweep, last) > page) {
            first = last;
            page = last_page(sweep, last);
        } else {
            first = last + 1;
            page = first < sweep->count ? first_page(sweep, first) : 0;
        }
    }
}

static int pin_group(const struct span *span)
{
    return span->kind == SPAN_CACHED    ? HEAP_PINS_CACHED
           : span->kind == SPAN_DAMAGED ? HEAP_PINS_DAMAGED
                                        : heap_size_group(span->bytes, span->blocks);
}

static void tally_pins(struct heap_tally *tally, const struct span *const *spans, size_t count,
                       uint64_t page_bytes)
{
    struct sweep sweep = {.live = memory_zeroed(count, sizeof(*sweep.live)),
                          .pinned = memory_zeroed(count, sizeof(*sweep.pinned)),
                          .page_bits = (unsigned)__builtin_ctzll(page_bytes)};
    for (size_t i = 0; i < count; i++) {
        int kind = spans[i]->kind;
        if (span_kind_pins(kind)) {
            sweep.live[sweep.count++] = spans[i];
        }
    }
    sweep_pages(&sweep);
    for (size_t i = 0; i < sweep.count; i++) {
        if (sweep.pinned[i] != 0) {
            add_amount(&tally->pins[pin_group(sweep.live[i])], sweep.pinned[i],
                       sweep.live[i]->blocks);
        }
    }
    free(sweep.live);
    free(sweep.pinned);
}

/* ---- The whole ---- */

void heap_tally_make(struct heap_tally *tally, const struct picture *picture, uint16_t moment,
                     uint64_t page_bytes)
{
    const struct span **spans = memory_zeroed(picture->count, sizeof(*spans));
    size_t count = 0;
    *tally = (struct heap_tally){.largest_hole = 0};
    for (size_t i = 0; i < picture->count; i++) {
        const struct span *span = &picture->spans[i];
        if (span->from > moment || span->until <= moment || span->bytes == 0) {
            continue;
        }
        spans[count++] = span;
        if (span_kind_is_live(span->kind)) {
            add_amount(&tally->used[heap_size_group(span->bytes, span->blocks)], span->bytes,
                       span->blocks);
        }
    }
    tally_holes(tally, spans, count);
    tally_pins(tally, spans, count, page_bytes);
    free(spans);
}
