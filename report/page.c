/* SPDX-License-Identifier: MIT
 * See page.h. The spans are written column by column, since like stands beside like there and packs
 * well: numbers of seven bits a byte, compressed by zlib, in base 64; a line for each map. */
#include "page.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../include/brkmalloc/brkmalloc.h"
#include "../profile/memory.h"
#include "page_parts.h"

/* A multiple of 3, since as many bytes become 4 letters. */
#define BASE64_PART 3

#define VERSION_TEXT_OF(major, minor, patch) #major "." #minor "." #patch
#define VERSION_TEXT(major, minor, patch) VERSION_TEXT_OF(major, minor, patch)

/* ---- JSON ---- */

void page_add_string(struct text *text, const char *string)
{
    struct text clean = {.bytes = NULL};
    text_clear(&clean);
    text_add_clean(&clean, string);
    text_add_character(text, '"');
    for (const char *letter = clean.bytes; *letter != '\0'; letter++) {
        if (strchr("\"\\<>&", *letter) != NULL) {
            text_format(text, "\\u%04x", (unsigned)*letter);
        } else {
            text_add_character(text, *letter);
        }
    }
    text_add_character(text, '"');
    text_free(&clean);
}

void page_add_lines(struct text *text, const char *lines)
{
    struct text line = {.bytes = NULL};
    const char *separator = "[";
    for (const char *at = lines; *at != '\0'; separator = ",") {
        size_t length = strcspn(at, "\n");
        text_clear(&line);
        text_add_bytes(&line, at, length);
        text_add(text, separator);
        page_add_string(text, line.bytes);
        at += length + (at[length] != '\0');
    }
    text_add(text, lines[0] == '\0' ? "[]" : "]");
    text_free(&line);
}

void page_add_numbers(struct text *text, const char *name, const uint64_t *numbers, size_t count)
{
    text_format(text, "\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        text_format(text, "%s%" PRIu64, i == 0 ? "" : ",", numbers[i]);
    }
    text_add_character(text, ']');
}

/* ---- Columns ---- */

/* The largest power of two, up to 16, that all distances between addresses are multiples of. */
static uint64_t unit_of(const struct picture *picture)
{
    uint64_t bits = 16;
    size_t first = 0;
    for (size_t i = 0; i < picture->area_count; i++) {
        for (size_t k = 0; k < picture->areas[i].spans; k++) {
            bits |= picture->spans[first + k].address - picture->areas[i].start;
        }
        first += picture->areas[i].spans;
    }
    return bits & (0 - bits);
}

static void add_number(struct text *text, uint64_t number)
{
    unsigned char bytes[10];
    size_t count = 0;
    for (; number >= 128; number >>= 7) {
        bytes[count++] = (unsigned char)(number | 128);
    }
    bytes[count++] = (unsigned char)number;
    text_add_bytes(text, bytes, count);
}

static void add_addresses(struct text *columns, const struct picture *picture)
{
    uint64_t unit = unit_of(picture);
    size_t first = 0;
    for (size_t i = 0; i < picture->area_count; i++) {
        uint64_t before = picture->areas[i].start;
        for (size_t k = 0; k < picture->areas[i].spans; k++) {
            uint64_t address = picture->spans[first + k].address;
            add_number(columns, (address - before) / unit);
            before = address;
        }
        first += picture->areas[i].spans;
    }
}

static uint64_t until_of(const struct picture *picture, const struct span *span)
{
    uint32_t moments = picture_moments(picture);
    return span->until < moments ? span->until : moments;
}

static void add_columns(struct text *columns, const struct picture *picture)
{
    const struct span *end = picture->spans + picture->count;
    add_addresses(columns, picture);
    for (const struct span *span = picture->spans; span < end; span++) {
        add_number(columns, span->bytes);
    }
    for (const struct span *span = picture->spans; span < end; span++) {
        add_number(columns, span->from);
    }
    for (const struct span *span = picture->spans; span < end; span++) {
        add_number(columns, until_of(picture, span) - span->from);
    }
    for (const struct span *span = picture->spans; span < end; span++) {
        add_number(columns, span->thread);
    }
    for (const struct span *span = picture->spans; span < end; span++) {
        add_number(columns, span->kind);
    }
    for (const struct span *span = picture->spans; span < end; span++) {
        add_number(columns, span->blocks);
    }
    for (const struct span *span = picture->spans; span < end; span++) {
        add_number(columns, span->site);
    }
}

static void compress_text(struct text *text)
{
    uLongf length = compressBound((uLong)text->length);
    struct text packed = {.bytes = memory_zeroed(length + 1, 1), .capacity = length + 1};
    if (compress2((Bytef *)packed.bytes, &length, (const Bytef *)text->bytes, (uLong)text->length,
                  Z_DEFAULT_COMPRESSION) != Z_OK) {
        fprintf(stderr, "%s: zlib cannot compress the page\n", program_name);
        exit(1);
    }
    packed.length = length;
    text_free(text);
    *text = packed;
}

static void add_base64(struct text *page, const struct text *bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = (const unsigned char *)bytes->bytes;
    for (size_t at = 0; at < bytes->length; at += BASE64_PART) {
        size_t left = bytes->length - at;
        unsigned second = left > 1 ? from[at + 1] : 0;
        unsigned third = left > 2 ? from[at + 2] : 0;
        unsigned bits = (unsigned)from[at] << 16 | second << 8 | third;
        char four[] = {letters[bits >> 18], letters[bits >> 12 & 63],
                       left > 1 ? letters[bits >> 6 & 63] : '=',
                       left > 2 ? letters[bits & 63] : '='};
        text_add_bytes(page, four, sizeof(four));
    }
}

static void add_packed_columns(struct text *page, const struct picture *picture)
{
    struct text columns = {.bytes = NULL};
    if (picture->count != 0) {
        add_columns(&columns, picture);
        compress_text(&columns);
        add_base64(page, &columns);
    }
    text_add_character(page, '\n');
    text_free(&columns);
}

/* ---- The maps ---- */

static void add_areas(struct text *report, const struct picture *picture)
{
    text_add(report, "\"areas\":[");
    for (size_t i = 0; i < picture->area_count; i++) {
        const struct area *area = &picture->areas[i];
        text_format(report, "%s{\"start\":\"%#" PRIx64 "\",\"bytes\":%" PRIu64 ",\"spans\":%zu}",
                    i == 0 ? "" : ",", area->start, area->bytes, area->spans);
    }
    text_add(report, "],");
}

static void note_kinds(uint64_t there[SPAN_KIND_COUNT], const struct picture *picture)
{
    for (size_t i = 0; i < picture->count; i++) {
        there[picture->spans[i].kind] = 1;
    }
}

static void add_kinds(struct text *report, struct page_maps maps)
{
    uint64_t there[SPAN_KIND_COUNT] = {0};
    for (size_t i = 0; i < maps.count; i++) {
        note_kinds(there, maps.all[i].picture);
    }
    page_add_numbers(report, "kindsThere", there, SPAN_KIND_COUNT);
    text_add(report, ",\"kinds\":[");
    for (int kind = 0; kind < SPAN_KIND_COUNT; kind++) {
        text_format(report, "%s\"%s\"", kind == 0 ? "" : ",", span_kind_words[kind]);
    }
    text_add(report, "],");
}

static void add_map(struct text *report, const struct page_map *map)
{
    text_add(report, "{\"name\":");
    page_add_string(report, map->name);
    text_add_character(report, ',');
    add_areas(report, map->picture);
    text_format(report, "\"spans\":%zu,\"unit\":%" PRIu64 "}", map->picture->count,
                unit_of(map->picture));
}

void page_add_maps(struct text *report, struct page_maps maps)
{
    text_add(report, "\"maps\":[");
    for (size_t i = 0; i < maps.count; i++) {
        text_add(report, i == 0 ? "" : ",");
        add_map(report, &maps.all[i]);
    }
    text_add(report, "],");
    add_kinds(report, maps);
}

/* ---- The page ---- */

static const struct {
    const char *frame;
    const char *script;
} page_kinds[PAGE_KINDS] = {
    [PAGE_REPORT] = {page_frame, page_script},
    [PAGE_COMPARISON] = {comparison_frame, comparison_script},
};

static void add_part(struct text *page, const char *name, size_t length, enum page_kind kind,
                     const struct text *report, struct page_maps maps)
{
    if (strncmp(name, "style", length) == 0) {
        text_add(page, page_style);
    } else if (strncmp(name, "chart_style", length) == 0) {
        text_add(page, page_chart_style);
    } else if (strncmp(name, "chart_script", length) == 0) {
        text_add(page, page_chart_script);
    } else if (strncmp(name, "script", length) == 0) {
        text_add(page, page_kinds[kind].script);
    } else if (strncmp(name, "version", length) == 0) {
        text_add(page, VERSION_TEXT(BRKM_VERSION_MAJOR, BRKM_VERSION_MINOR, BRKM_VERSION_PATCH));
    } else if (strncmp(name, "report", length) == 0) {
        text_add_bytes(page, report->bytes, report->length);
    } else {
        for (size_t i = 0; i < maps.count; i++) {
            add_packed_columns(page, maps.all[i].picture);
        }
    }
}

void page_make(struct text *page, enum page_kind kind, const struct text *report,
               struct page_maps maps)
{
    const char *at = page_kinds[kind].frame;
    const char *mark;
    while ((mark = strstr(at, "{{")) != NULL) {
        const char *end = strstr(mark, "}}");
        text_add_bytes(page, at, (size_t)(mark - at));
        add_part(page, mark + 2, (size_t)(end - mark - 2), kind, report, maps);
        at = end + 2;
    }
    text_add(page, at);
}
