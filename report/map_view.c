/* SPDX-License-Identifier: MIT
 * See map_view.h. */
#include "map_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "pages.h"

#define ROW_BYTES_MIN 64

/* Bytes of an area that the map has at most: no process has more, but a damaged file may say so. */
#define AREA_BYTES_MAX ((uint64_t)1 << 47)

/* What is covered a little still shows. */
#define OPACITY_MIN 0.3f

const char *const colouring_words[COLOURINGS] = {"state", "age", "size", "thread", "site"};

static const struct colour scale[] = {
    {68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}};
#define SCALE_STEPS (sizeof(scale) / sizeof(scale[0]) - 1)

static const struct colour state_colours[SPAN_KIND_COUNT] = {
    [SPAN_USED] = {30, 120, 200},    [SPAN_CACHED] = {230, 160, 20},
    [SPAN_FREE] = {135, 145, 157},   [SPAN_PURGED] = {200, 206, 214},
    [SPAN_TOP] = {160, 130, 190},    [SPAN_RESERVED] = {222, 212, 236},
    [SPAN_DAMAGED] = {210, 40, 40},  [SPAN_PAGES] = {120, 90, 30},
    [SPAN_OBJECTS] = {190, 90, 150}, [SPAN_MAPPED] = {20, 150, 120},
    [SPAN_GUARDED] = {240, 110, 60}, [SPAN_VMALLOC] = {110, 160, 60},
};

static const struct colour thread_colours[] = {{0, 114, 178},   {213, 94, 0},   {0, 158, 115},
                                               {204, 121, 167}, {230, 159, 0},  {86, 180, 233},
                                               {153, 102, 51},  {128, 128, 128}};
#define THREAD_COLOURS (sizeof(thread_colours) / sizeof(thread_colours[0]))

static const struct colour not_known_colour = {200, 206, 214};

_Static_assert(THREAD_COLOURS == MAP_SITES_SHOWN + 1, "the last is that of other call sites");

/* ---- Places ---- */

static uint64_t page_down(uint64_t bytes)
{
    return bytes / PAGE_BYTES * PAGE_BYTES;
}

static uint64_t within_area(uint64_t bytes)
{
    return bytes < AREA_BYTES_MAX ? bytes : AREA_BYTES_MAX;
}

static void place_areas(struct map_view *view)
{
    const struct picture *picture = &view->file->picture;
    uint64_t base = 0;
    view->bases = memory_zeroed(picture->area_count + 1, sizeof(*view->bases));
    for (size_t i = 0; i < picture->area_count; i++) {
        view->bases[i] = base;
        uint64_t inset = picture->areas[i].start % PAGE_BYTES;
        uint64_t bytes = within_area(picture->areas[i].bytes);
        base += page_down(inset + bytes + PAGE_BYTES - 1) + PAGE_BYTES;
    }
    view->total = base > PAGE_BYTES ? base - PAGE_BYTES : PAGE_BYTES;
}

uint64_t map_view_address(const struct map_view *view, uint64_t place)
{
    const struct picture *picture = &view->file->picture;
    size_t area = 0;
    while (area + 1 < picture->area_count && view->bases[area + 1] <= place) {
        area++;
    }
    return picture->area_count == 0
               ? place
               : page_down(picture->areas[area].start) + place - view->bases[area];
}

/* The place of an address, or of the area that follows it. */
static uint64_t place_of(const struct map_view *view, uint64_t address)
{
    const struct picture *picture = &view->file->picture;
    for (size_t i = 0; i < picture->area_count; i++) {
        const struct area *area = &picture->areas[i];
        uint64_t first = page_down(area->start);
        uint64_t bytes = within_area(area->bytes) + (area->start - first);
        if (address < first || address - first < bytes) {
            return view->bases[i] + (address < first ? 0 : address - first);
        }
    }
    return view->total;
}

/* ---- What is seen ---- */

static uint64_t widest(const struct map_view *view)
{
    uint64_t bytes = (view->total + view->rows - 1) / view->rows;
    uint64_t step = bytes <= PAGE_BYTES ? ROW_BYTES_MIN : PAGE_BYTES;
    return (bytes + step - 1) / step * step;
}

static void settle(struct map_view *view)
{
    uint64_t shown = view->row_bytes * view->rows;
    uint64_t last = view->total > shown ? view->total - shown : 0;
    last = (last + view->row_bytes - 1) / view->row_bytes * view->row_bytes;
    view->start = view->start / view->row_bytes * view->row_bytes;
    view->start = view->start < last ? view->start : last;
}

void map_view_show_all(struct map_view *view)
{
    view->start = 0;
    view->row_bytes = widest(view);
}

void map_view_begin(struct map_view *view, const struct map_file *file)
{
    *view = (struct map_view){.file = file, .moment = file->peak, .rows = 1, .columns = 1};
    view->colouring = file->is_trace ? BY_AGE : BY_STATE;
    place_areas(view);
    map_view_resize(view, 1, 1);
}

void map_view_replace(struct map_view *view, const struct map_file *file)
{
    bool was_all = view->row_bytes == widest(view);
    uint64_t address = map_view_address(view, view->start);
    free(view->bases);
    view->file = file;
    view->moment = file->peak;
    place_areas(view);
    if (was_all || view->row_bytes > widest(view)) {
        map_view_show_all(view);
    } else {
        view->start = place_of(view, address);
    }
    settle(view);
}

void map_view_free(struct map_view *view)
{
    free(view->bases);
    free(view->cells);
}

void map_view_resize(struct map_view *view, uint32_t columns, uint32_t rows)
{
    bool was_all = view->row_bytes == 0 || view->row_bytes == widest(view);
    view->columns = columns;
    view->rows = rows;
    free(view->cells);
    view->cells = memory_zeroed((size_t)columns * rows, sizeof(*view->cells));
    if (was_all || view->row_bytes > widest(view)) {
        map_view_show_all(view);
    }
    settle(view);
}

void map_view_zoom(struct map_view *view, bool in)
{
    uint64_t middle = view->start + view->row_bytes * (view->rows / 2);
    uint64_t bytes = in ? view->row_bytes / 2 / 16 * 16 : view->row_bytes * 2;
    bytes = bytes < ROW_BYTES_MIN ? ROW_BYTES_MIN : bytes;
    view->row_bytes = bytes < widest(view) ? bytes : widest(view);
    uint64_t half = view->row_bytes * (view->rows / 2);
    view->start = middle > half ? middle - half : 0;
    settle(view);
}

void map_view_move(struct map_view *view, int rows)
{
    uint64_t bytes = view->row_bytes * (uint64_t)abs(rows);
    if (rows < 0) {
        view->start -= bytes < view->start ? bytes : view->start;
    } else {
        view->start += bytes;
    }
    settle(view);
}

/* ---- Colours ---- */

struct colour map_state_colour(unsigned kind)
{
    return state_colours[kind];
}

static struct colour scaled(double share)
{
    double at = fmin(fmax(share, 0), 1) * SCALE_STEPS;
    size_t low = at >= SCALE_STEPS ? SCALE_STEPS - 1 : (size_t)at;
    double part = at - (double)low;
    const struct colour *a = &scale[low];
    const struct colour *b = &scale[low + 1];
    return (struct colour){(uint8_t)(a->red + (b->red - a->red) * part),
                           (uint8_t)(a->green + (b->green - a->green) * part),
                           (uint8_t)(a->blue + (b->blue - a->blue) * part)};
}

static struct colour site_colour(uint8_t rank)
{
    return rank == MAP_SITE_NOT_KNOWN ? not_known_colour : thread_colours[rank];
}

static struct colour colour_of(const struct map_view *view, const struct span *span)
{
    double now = fmax(view->file->seconds[view->moment], 1e-9);
    switch (view->colouring) {
    case BY_AGE:
        return scaled(1 - log10(1 + 999 * (now - view->file->seconds[span->from]) / now) / 3);
    case BY_SIZE: {
        double size = (double)span->bytes / (span->blocks == 0 ? 1 : span->blocks);
        return scaled((log2(size + 1) - 4) / 16);
    }
    case BY_SITE:
        return site_colour(map_sites_rank(&view->file->sites, span));
    case BY_THREAD:
        return thread_colours[(span->thread == 0 ? 0 : span->thread - 1) % THREAD_COLOURS];
    default:
        return state_colours[span->kind];
    }
}

static float mixed(float sum, float cover, uint8_t ground)
{
    float opacity = fminf(1, fmaxf(OPACITY_MIN, sqrtf(cover)));
    return sum / cover * opacity + (float)ground * (1 - opacity);
}

struct colour map_cell_colour(const struct cell *cell, struct colour inside, struct colour outside)
{
    struct colour ground = cell->is_inside ? inside : outside;
    if (cell->cover <= 0) {
        return ground;
    }
    return (struct colour){(uint8_t)mixed(cell->red, cell->cover, ground.red),
                           (uint8_t)mixed(cell->green, cell->cover, ground.green),
                           (uint8_t)mixed(cell->blue, cell->cover, ground.blue)};
}

/* ---- Cells ---- */

struct paint {
    struct colour colour;
    bool is_live;
};

static void cover_cell(struct cell *cell, const struct paint *paint, double part)
{
    if (paint == NULL) {
        cell->is_inside = true;
        return;
    }
    cell->red += (float)(paint->colour.red * part);
    cell->green += (float)(paint->colour.green * part);
    cell->blue += (float)(paint->colour.blue * part);
    cell->cover += (float)part;
    cell->live += (float)(paint->is_live ? part : 0);
}

/* Covers what the view shows of these bytes; without a paint it is the inside of an area. */
static void cover_bytes(struct map_view *view, uint64_t place, uint64_t bytes,
                        const struct paint *paint)
{
    uint64_t last = view->start + view->row_bytes * view->rows;
    uint64_t end = place + bytes < last ? place + bytes : last;
    uint64_t at = place > view->start ? place : view->start;
    double cells_per_byte = (double)view->columns / (double)view->row_bytes;
    while (at < end) {
        uint64_t row = (at - view->start) / view->row_bytes;
        uint64_t row_start = view->start + row * view->row_bytes;
        uint64_t stop = end < row_start + view->row_bytes ? end : row_start + view->row_bytes;
        double from = (double)(at - row_start) * cells_per_byte;
        double to = (double)(stop - row_start) * cells_per_byte;
        for (uint32_t column = (uint32_t)from; column < to && column < view->columns; column++) {
            double part = fmin(to, column + 1.0) - fmax(from, column);
            cover_cell(&view->cells[row * view->columns + column], paint, part);
        }
        at = stop;
    }
}

static bool is_there(const struct map_view *view, const struct span *span)
{
    return span->from <= view->moment && view->moment < span->until;
}

static void fill_area(struct map_view *view, size_t index, size_t first)
{
    const struct area *area = &view->file->picture.areas[index];
    uint64_t inset = area->start % PAGE_BYTES;
    uint64_t start = view->bases[index] + inset;
    uint64_t room = within_area(area->bytes);
    cover_bytes(view, start, room, NULL);
    for (size_t i = first; i < first + area->spans; i++) {
        const struct span *span = &view->file->picture.spans[i];
        uint64_t offset = span->address - area->start;
        if (is_there(view, span) && offset < room) {
            struct paint paint = {colour_of(view, span), span_kind_pins(span->kind)};
            uint64_t bytes = span->bytes < room - offset ? span->bytes : room - offset;
            cover_bytes(view, start + offset, bytes, &paint);
        }
    }
}

void map_view_fill(struct map_view *view)
{
    memset(view->cells, 0, (size_t)view->columns * view->rows * sizeof(*view->cells));
    size_t first = 0;
    for (size_t i = 0; i < view->file->picture.area_count; i++) {
        fill_area(view, i, first);
        first += view->file->picture.areas[i].spans;
    }
}

/* ---- The legend by call site ---- */

static const char *site_name(const struct map_sites *sites, size_t rank)
{
    return rank < sites->count      ? sites->names[rank]
           : rank == MAP_SITE_OTHER ? "other call sites"
                                    : "not known";
}

size_t map_view_site_rows(const struct map_view *view, struct map_site_row rows[MAP_SITE_RANKS])
{
    const struct map_sites *sites = &view->file->sites;
    uint64_t bytes[MAP_SITE_RANKS] = {0};
    size_t count = 0;
    for (size_t i = 0; i < view->file->picture.count; i++) {
        const struct span *span = &view->file->picture.spans[i];
        if (is_there(view, span) && span_kind_is_live(span->kind)) {
            bytes[map_sites_rank(sites, span)] += span->bytes;
        }
    }
    for (size_t rank = 0; rank < MAP_SITE_RANKS; rank++) {
        if (bytes[rank] != 0) {
            rows[count++] = (struct map_site_row){site_colour((uint8_t)rank),
                                                  site_name(sites, rank), bytes[rank]};
        }
    }
    return count;
}
