/* SPDX-License-Identifier: MIT
 *
 * The heap map as cells: addresses run along rows from the left to the right, row below row. Areas
 * lie behind each other, each on whole pages and a page apart; a place is a byte of that. */
#ifndef REPORT_MAP_VIEW_H
#define REPORT_MAP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "map_file.h"

enum colouring { BY_STATE, BY_AGE, BY_SIZE, BY_THREAD, BY_SITE, COLOURINGS };

extern const char *const colouring_words[COLOURINGS];

struct colour {
    uint8_t red, green, blue;
};

struct cell {
    float red, green, blue; /* sums, by the part that is covered */
    float cover;            /* the part of the cell that spans cover */
    float live;             /* the part that blocks in use or cached cover */
    bool is_inside;         /* of an area */
};

/* What a row of the legend by call site says. */
struct map_site_row {
    struct colour colour;
    const char *name;
    uint64_t bytes; /* live, at the moment */
};

struct map_view {
    const struct map_file *file;
    uint64_t *bases; /* the place of each area's first page */
    uint64_t total;
    uint64_t start; /* the place of the first cell */
    uint64_t row_bytes;
    uint32_t columns;
    uint32_t rows;
    uint32_t moment;
    enum colouring colouring;
    struct cell *cells;
};

/* The whole heap at the moment of the most live bytes. */
void map_view_begin(struct map_view *view, const struct map_file *file);
void map_view_free(struct map_view *view);

/* As many cells as that, and a row of at most so many bytes that the whole fits. */
void map_view_resize(struct map_view *view, uint32_t columns, uint32_t rows);

/* Halves or doubles what is seen, around its middle. */
void map_view_zoom(struct map_view *view, bool in);
void map_view_move(struct map_view *view, int rows);
void map_view_show_all(struct map_view *view);

/* Fills the cells. */
void map_view_fill(struct map_view *view);

/* What a cell looks like on the given ground. */
struct colour map_cell_colour(const struct cell *cell, struct colour inside, struct colour outside);

uint64_t map_view_address(const struct map_view *view, uint64_t place);

struct colour map_state_colour(unsigned kind);

/* The rows of the legend, those that have bytes; returns how many. */
size_t map_view_site_rows(const struct map_view *view, struct map_site_row rows[MAP_SITE_RANKS]);

/* Shows another file of the same, at the same addresses as far as it has them. */
void map_view_replace(struct map_view *view, const struct map_file *file);

#endif
