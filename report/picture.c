/* SPDX-License-Identifier: MIT
 * See picture.h. */
#include "picture.h"

#include <stdbool.h>
#include <stdlib.h>

#include "../profile/memory.h"

const char *const span_kind_words[SPAN_KIND_COUNT] = {
#define SPAN_KIND_WORD(kind, word) word,
    SPAN_KINDS(SPAN_KIND_WORD)
#undef SPAN_KIND_WORD
};

void picture_begin(struct picture *picture, uint32_t moments, size_t spans_max)
{
    *picture = (struct picture){.moments_at_first = moments, .spans_max = spans_max};
}

void picture_free(struct picture *picture)
{
    free(picture->spans);
    free(picture->areas);
}

uint32_t picture_moments(const struct picture *picture)
{
    uint32_t step = (uint32_t)1 << picture->halvings;
    return (picture->moments_at_first + step - 1) >> picture->halvings;
}

size_t picture_first_moment(const struct picture *picture, uint32_t moment)
{
    size_t last = (((size_t)moment + 1) << picture->halvings) - 1;
    return last < picture->moments_at_first ? last : picture->moments_at_first - 1;
}

uint64_t span_end(const struct span *span)
{
    uint64_t end;
    return __builtin_add_overflow(span->address, span->bytes, &end) ? UINT64_MAX : end;
}

/* ---- Fewer spans ---- */

static void leave_out(struct picture *picture, const struct span *span)
{
    picture->left_out++;
    picture->left_out_bytes += span->bytes;
}

/* Whether the span stays where moments are half as many, or only larger ones are kept. */
static bool stays(struct picture *picture, const struct span *span)
{
    if (span->from >= span->until) {
        return false;
    }
    if (span->bytes < picture->smallest) {
        leave_out(picture, span);
        return false;
    }
    return true;
}

static void make_room(struct picture *picture)
{
    bool has_moments = picture_moments(picture) / 2 >= PICTURE_MOMENTS_MIN;
    if (has_moments) {
        picture->halvings++;
    } else {
        picture->smallest = picture->smallest == 0 ? 32 : picture->smallest * 2;
    }
    size_t kept = 0;
    for (size_t i = 0; i < picture->count; i++) {
        struct span span = picture->spans[i];
        span.from = (uint16_t)(span.from >> has_moments);
        span.until = (uint16_t)(span.until >> has_moments);
        if (stays(picture, &span)) {
            picture->spans[kept++] = span;
        }
    }
    picture->count = kept;
}

void picture_add(struct picture *picture, struct span span)
{
    while (picture->count >= picture->spans_max) {
        make_room(picture);
    }
    span.from = (uint16_t)(span.from >> picture->halvings);
    span.until = (uint16_t)(span.until >> picture->halvings);
    if (stays(picture, &span)) {
        picture->spans = memory_grow(picture->spans, picture->count, &picture->capacity,
                                     sizeof(*picture->spans));
        picture->spans[picture->count++] = span;
    }
}

/* ---- Areas ---- */

static int compare_spans(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;
    if (a->address != b->address) {
        return a->address < b->address ? -1 : 1;
    }
    return a->from < b->from ? -1 : a->from > b->from;
}

static void begin_area(struct picture *picture, uint64_t start)
{
    picture->areas = memory_grow(picture->areas, picture->area_count, &picture->area_capacity,
                                 sizeof(*picture->areas));
    picture->areas[picture->area_count++] = (struct area){.start = start};
}

static void find_areas(struct picture *picture, uint64_t gap)
{
    uint64_t end = 0;
    picture->area_count = 0;
    for (size_t i = 0; i < picture->count; i++) {
        const struct span *span = &picture->spans[i];
        if (picture->area_count == 0 || (span->address > end && span->address - end >= gap)) {
            begin_area(picture, span->address);
            end = span->address;
        }
        struct area *area = &picture->areas[picture->area_count - 1];
        end = span_end(span) > end ? span_end(span) : end;
        area->bytes = end - area->start;
        area->spans++;
    }
}

void picture_finish(struct picture *picture)
{
    if (picture->count > 1) {
        qsort(picture->spans, picture->count, sizeof(*picture->spans), compare_spans);
    }
    uint64_t gap = picture->is_tiled ? 1 : PICTURE_GAP_MIN;
    do {
        find_areas(picture, gap);
        gap *= 2;
    } while (picture->area_count > PICTURE_AREAS_MAX && gap != 0);
}
