/* SPDX-License-Identifier: MIT
 *
 * Pictures with more spans than they may keep: what is kept is what a picture of fewer moments
 * would have had from the start, and what is left out is counted. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "picture.h"

#define MOMENTS 512u
#define SPANS 5000

const char program_name[] = "report_picture";

static unsigned failures;

#define expect(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static void fail(const char *condition, int line)
{
    fprintf(stderr, "line %d: not %s\n", line, condition);
    failures++;
}

static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static struct span drawn_span(uint32_t *state, uint32_t number)
{
    uint16_t from = (uint16_t)(draw(state) % MOMENTS);
    uint32_t lasts = draw(state) % 8 == 0 ? draw(state) % MOMENTS : draw(state) % 4;
    return (struct span){.address = 0x10000 + number * (uint64_t)4096,
                         .bytes = draw(state) % 4000,
                         .blocks = 1,
                         .from = from,
                         .until = (uint16_t)(from + lasts)};
}

/* Whether the span is there at the moment of which fewer are left: the last of those that it stands
 * for. */
static int is_there(const struct span *span, uint32_t moment, unsigned halvings)
{
    uint32_t first = ((moment + 1) << halvings) - 1;
    return span->from <= first && first < span->until;
}

static uint64_t bytes_at(const struct picture *picture, uint32_t moment)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < picture->count; i++) {
        const struct span *span = &picture->spans[i];
        bytes += span->from <= moment && moment < span->until ? span->bytes : 0;
    }
    return bytes;
}

static uint64_t wanted_at(uint32_t seed, uint32_t moment, const struct picture *picture)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < SPANS; i++) {
        struct span span = drawn_span(&seed, i);
        if (is_there(&span, moment, picture->halvings) && span.bytes >= picture->smallest) {
            bytes += span.bytes;
        }
    }
    return bytes;
}

static void try_picture(uint32_t seed, size_t spans_max)
{
    struct picture picture;
    uint32_t state = seed;
    picture_begin(&picture, MOMENTS, spans_max);
    for (uint32_t i = 0; i < SPANS; i++) {
        picture_add(&picture, drawn_span(&state, i));
    }
    picture_finish(&picture);
    expect(picture.count <= spans_max);
    expect(picture_moments(&picture) == MOMENTS >> picture.halvings);
    expect((picture.left_out == 0) == (picture.smallest == 0));
    for (uint32_t moment = 0; moment < picture_moments(&picture); moment++) {
        expect(bytes_at(&picture, moment) == wanted_at(seed, moment, &picture));
    }
    for (size_t i = 1; i < picture.count; i++) {
        expect(picture.spans[i - 1].address <= picture.spans[i].address);
    }
    picture_free(&picture);
}

/* What stays to the end is there at the last moment, however few there are and were. */
static void try_end(void)
{
    struct picture picture;
    picture_begin(&picture, MOMENTS - 1, 40);
    for (uint16_t i = 0; i < MOMENTS - 1; i++) {
        picture_add(&picture, (struct span){.address = i, .bytes = 1, .from = i, .until = i + 1});
    }
    picture_add(&picture,
                (struct span){.address = MOMENTS, .bytes = 7, .from = 500, .until = UINT16_MAX});
    expect(picture.halvings > 0);
    expect(bytes_at(&picture, picture_moments(&picture) - 1) >= 7);
    picture_free(&picture);
}

static void try_areas(void)
{
    struct picture picture;
    picture_begin(&picture, 1, 1 << 16);
    uint64_t starts[] = {0x1000, 0x1000 + PICTURE_GAP_MIN + 16, UINT64_MAX - 100};
    for (size_t i = 0; i < 3; i++) {
        picture_add(&picture, (struct span){.address = starts[i], .bytes = 1000, .until = 1});
    }
    picture_add(&picture, (struct span){.address = 0x2000, .bytes = 16, .until = 1});
    picture_finish(&picture);
    expect(picture.area_count == 2);
    expect(picture.areas[0].start == 0x1000 && picture.areas[0].spans == 3);
    expect(picture.areas[0].bytes == PICTURE_GAP_MIN + 16 + 1000);
    expect(picture.areas[1].bytes == 100);
    for (uint64_t i = 0; i < 3 * PICTURE_AREAS_MAX; i++) {
        picture_add(&picture,
                    (struct span){.address = i * 2 * PICTURE_GAP_MIN, .bytes = 16, .until = 1});
    }
    picture_finish(&picture);
    expect(picture.area_count > 0 && picture.area_count <= PICTURE_AREAS_MAX);
    picture_free(&picture);
}

int main(void)
{
    for (uint32_t seed = 1; seed <= 5; seed++) {
        try_picture(seed, SPANS);
        try_picture(seed, 1000);
        try_picture(seed, 300);
        try_picture(seed, 50);
    }
    try_end();
    try_areas();
    return failures != 0;
}
