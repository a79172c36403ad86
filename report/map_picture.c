/* SPDX-License-Identifier: MIT
 * See map_picture.h. */
#include "map_picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../profile/memory.h"

/* Pixels of a row of the map, of which the last is the gap to the next one. */
#define ROW_PIXELS 8

/* Pixels of a column in SVG, where each run of a colour is an element. */
#define COLUMN_PIXELS 2

#define SVG_MARGIN 16
#define SVG_HEADING 44
#define SVG_LEGEND 28
#define SVG_SITE 18

static const struct colour paper = {255, 255, 255};
static const struct colour hole = {228, 232, 238};

static const struct cell *cell_at(const struct map_view *view, uint32_t row, uint32_t column)
{
    return &view->cells[(size_t)row * view->columns + column];
}

/* ---- Legend ---- */

static bool has_state(const struct map_view *view, uint8_t kind)
{
    const struct picture *picture = &view->file->picture;
    for (size_t i = 0; i < picture->count; i++) {
        if (picture->spans[i].kind == kind) {
            return true;
        }
    }
    return false;
}

void map_add_legend(struct text *text, const struct map_view *view)
{
    static const char *const ends[COLOURINGS] = {
        [BY_AGE] = "from dark, there from the start, to yellow, new",
        [BY_SIZE] = "from dark, 16 B, to yellow, 1 MiB and more",
        [BY_THREAD] = "a colour for each thread",
        [BY_SITE] = "a colour for each of the call sites with most bytes",
    };
    text_format(text, "by %s: ", colouring_words[view->colouring]);
    if (view->colouring != BY_STATE) {
        text_add(text, ends[view->colouring]);
        return;
    }
    const char *comma = "";
    for (uint8_t kind = 0; kind < SPAN_KIND_COUNT; kind++) {
        if (has_state(view, kind)) {
            text_format(text, "%s%s", comma, span_kind_words[kind]);
            comma = ", ";
        }
    }
}

/* ---- PNG ---- */

static void add_big_endian(struct text *text, uint32_t number)
{
    unsigned char bytes[] = {(unsigned char)(number >> 24), (unsigned char)(number >> 16),
                             (unsigned char)(number >> 8), (unsigned char)number};
    text_add_bytes(text, bytes, sizeof(bytes));
}

/* Length, kind, content and the checksum of the last two. */
static void add_png_chunk(struct text *png, const char *kind, const struct text *content)
{
    add_big_endian(png, (uint32_t)content->length);
    size_t start = png->length;
    text_add_bytes(png, kind, 4);
    text_add_bytes(png, content->bytes, content->length);
    uLong checksum = crc32(0, (const Bytef *)png->bytes + start, (uInt)(png->length - start));
    add_big_endian(png, (uint32_t)checksum);
}

/* Each line has a byte for its filter, none, before its pixels. */
static void add_png_lines(struct text *lines, const struct map_view *view, uint32_t row)
{
    for (int line = 0; line < ROW_PIXELS; line++) {
        text_add_character(lines, 0);
        for (uint32_t column = 0; column < view->columns; column++) {
            struct colour colour = line + 1 == ROW_PIXELS
                                       ? paper
                                       : map_cell_colour(cell_at(view, row, column), hole, paper);
            unsigned char pixel[] = {colour.red, colour.green, colour.blue};
            text_add_bytes(lines, pixel, sizeof(pixel));
        }
    }
}

static void compress_lines(struct text *lines)
{
    uLongf length = compressBound((uLong)lines->length);
    struct text packed = {.bytes = memory_zeroed(length + 1, 1), .capacity = length + 1};
    if (compress2((Bytef *)packed.bytes, &length, (const Bytef *)lines->bytes, (uLong)lines->length,
                  Z_DEFAULT_COMPRESSION) != Z_OK) {
        fprintf(stderr, "%s: zlib cannot compress the picture\n", program_name);
        exit(1);
    }
    packed.length = length;
    text_free(lines);
    *lines = packed;
}

void map_add_png(struct text *png, const struct map_view *view)
{
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const unsigned char rest_of_header[] = {8, 2, 0, 0, 0}; /* 8 bits, RGB, the usual */
    struct text content = {.bytes = NULL};
    text_add_bytes(png, signature, sizeof(signature));
    add_big_endian(&content, view->columns);
    add_big_endian(&content, view->rows * ROW_PIXELS);
    text_add_bytes(&content, rest_of_header, sizeof(rest_of_header));
    add_png_chunk(png, "IHDR", &content);
    text_clear(&content);
    for (uint32_t row = 0; row < view->rows; row++) {
        add_png_lines(&content, view, row);
    }
    compress_lines(&content);
    add_png_chunk(png, "IDAT", &content);
    text_clear(&content);
    add_png_chunk(png, "IEND", &content);
    text_free(&content);
}

/* ---- SVG ---- */

static void add_escaped(struct text *svg, const char *string)
{
    struct text clean = {.bytes = NULL};
    text_clear(&clean);
    text_add_clean(&clean, string);
    for (const char *letter = clean.bytes; *letter != '\0'; letter++) {
        switch (*letter) {
        case '<':
            text_add(svg, "&lt;");
            break;
        case '>':
            text_add(svg, "&gt;");
            break;
        case '&':
            text_add(svg, "&amp;");
            break;
        default:
            text_add_character(svg, *letter);
        }
    }
    text_free(&clean);
}

static bool same_colour(struct colour a, struct colour b)
{
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

static void add_svg_row(struct text *svg, const struct map_view *view, uint32_t row)
{
    uint32_t start = 0;
    while (start < view->columns) {
        struct colour colour = map_cell_colour(cell_at(view, row, start), hole, paper);
        uint32_t end = start + 1;
        while (end < view->columns &&
               same_colour(colour, map_cell_colour(cell_at(view, row, end), hole, paper))) {
            end++;
        }
        if (!same_colour(colour, paper)) {
            text_format(svg,
                        "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%d\" "
                        "fill=\"#%02x%02x%02x\"/>\n",
                        SVG_MARGIN + start * COLUMN_PIXELS, SVG_HEADING + row * ROW_PIXELS,
                        (end - start) * COLUMN_PIXELS, ROW_PIXELS - 1, colour.red, colour.green,
                        colour.blue);
        }
        start = end;
    }
}

static void add_svg_text(struct text *svg, uint32_t y, const char *size, const char *string)
{
    text_format(svg, "<text x=\"%d\" y=\"%u\" font-size=\"%s\">", SVG_MARGIN, y, size);
    add_escaped(svg, string);
    text_add(svg, "</text>\n");
}

static void add_svg_site(struct text *svg, uint32_t y, const struct map_site_row *row)
{
    char number[NUMBER_SIZE];
    text_format(svg,
                "<rect x=\"%d\" y=\"%u\" width=\"12\" height=\"12\" "
                "fill=\"#%02x%02x%02x\"/>\n"
                "<text x=\"%d\" y=\"%u\" font-size=\"12\">%s, ",
                SVG_MARGIN, y - 10, row->colour.red, row->colour.green, row->colour.blue,
                SVG_MARGIN + 18, y, number_of(number, row->bytes, 1));
    add_escaped(svg, row->name);
    text_add(svg, "</text>\n");
}

void map_add_svg(struct text *svg, const struct map_view *view, const char *title)
{
    struct map_site_row rows[MAP_SITE_RANKS];
    size_t sites = view->colouring == BY_SITE ? map_view_site_rows(view, rows) : 0;
    uint32_t width = view->columns * COLUMN_PIXELS + 2 * SVG_MARGIN;
    uint32_t below = SVG_HEADING + view->rows * ROW_PIXELS;
    struct text legend = {.bytes = NULL};
    map_add_legend(&legend, view);
    text_format(svg,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/"
                "svg\" width=\"%u\" height=\"%u\" font-family=\"sans-serif\">\n"
                "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
                width, below + SVG_LEGEND + (uint32_t)sites * SVG_SITE);
    add_svg_text(svg, 28, "16", title);
    for (uint32_t row = 0; row < view->rows; row++) {
        add_svg_row(svg, view, row);
    }
    add_svg_text(svg, below + 16, "12", legend.bytes);
    for (size_t i = 0; i < sites; i++) {
        add_svg_site(svg, below + 16 + (uint32_t)(i + 1) * SVG_SITE, &rows[i]);
    }
    text_add(svg, "</svg>\n");
    text_free(&legend);
}
