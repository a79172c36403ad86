/* SPDX-License-Identifier: MIT
 *
 * What lay where in a heap, and when: spans of bytes of one kind, each there from one moment to
 * another. Moments are numbered in the order of time. A picture has a bound on its spans: where
 * more would come, it has fewer moments, and then no small blocks. */
#ifndef REPORT_PICTURE_H
#define REPORT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a browser unpacks within two seconds, and draws again while the slider moves. */
#define PICTURE_SPANS_MAX ((size_t)1 << 20)

/* As many as the slider has places for; no fewer however long the input is. */
#define PICTURE_MOMENTS_MAX 512
#define PICTURE_MOMENTS_MIN 16

/* Unused addresses between two areas of the picture; what is nearer belongs to one area. */
#define PICTURE_GAP_MIN ((uint64_t)1 << 20)
#define PICTURE_AREAS_MAX 4096

/* X(kind, word): the words are those of a snapshot. */
#define SPAN_KINDS(X)            \
    X(SPAN_USED, "used")         \
    X(SPAN_CACHED, "cached")     \
    X(SPAN_FREE, "free")         \
    X(SPAN_PURGED, "purged")     \
    X(SPAN_TOP, "top")           \
    X(SPAN_RESERVED, "reserved") \
    X(SPAN_DAMAGED, "damaged")   \
    X(SPAN_PAGES, "pages")       \
    X(SPAN_OBJECTS, "objects")   \
    X(SPAN_MAPPED, "mapped")     \
    X(SPAN_GUARDED, "guarded")   \
    X(SPAN_VMALLOC, "vmalloc")

enum span_kind {
#define SPAN_KIND_NAME(kind, word) kind,
    SPAN_KINDS(SPAN_KIND_NAME)
#undef SPAN_KIND_NAME
        SPAN_KIND_COUNT
};

/* What the program has outside of the heap's regions. */
#define SPAN_OUTSIDE_FIRST SPAN_PAGES

extern const char *const span_kind_words[SPAN_KIND_COUNT];

static inline bool span_kind_is_live(int kind)
{
    return kind == SPAN_USED || kind >= SPAN_OUTSIDE_FIRST;
}

/* Whether it keeps the pages that it lies on. */
static inline bool span_kind_pins(int kind)
{
    return span_kind_is_live(kind) || kind == SPAN_CACHED || kind == SPAN_DAMAGED;
}

struct span {
    uint64_t address;
    uint64_t bytes;
    uint32_t blocks; /* that begin in it */
    uint32_t thread; /* that allocated it; 0: not known */
    uint16_t from;   /* the first moment at which it is there */
    uint16_t until;  /* the first one after it */
    uint16_t site;   /* number of the call stack that allocated it; 0: not known */
    uint8_t kind;    /* enum span_kind */
};

/* Addresses that lie close to each other. */
struct area {
    uint64_t start;
    uint64_t bytes;
    size_t spans;
};

struct picture {
    struct span *spans;
    size_t count;
    size_t capacity;
    size_t spans_max;
    bool is_tiled;     /* what is in no span is not the heap's: an area ends there */
    unsigned halvings; /* of the number of moments so far */
    uint32_t moments_at_first;
    uint64_t smallest;       /* bytes of the smallest spans that are kept */
    uint64_t left_out;       /* spans that were smaller ... */
    uint64_t left_out_bytes; /* ... and their bytes */
    struct area *areas;
    size_t area_count;
    size_t area_capacity;
};

/* A picture of so many moments, at most PICTURE_MOMENTS_MAX. The caller may say that it is tiled.
 */
void picture_begin(struct picture *picture, uint32_t moments, size_t spans_max);
void picture_free(struct picture *picture);

/* Moments that are left. */
uint32_t picture_moments(const struct picture *picture);

/* The moment as at first that the moment of the finished picture is. */
size_t picture_first_moment(const struct picture *picture, uint32_t moment);

/* Adds a span, whose moments are counted as at first. It is not kept where no moment sees it. */
void picture_add(struct picture *picture, struct span span);

/* Puts the spans in the order of addresses, and finds the areas. */
void picture_finish(struct picture *picture);

/* The address behind the span, at most the highest. */
uint64_t span_end(const struct span *span);

#endif
