/* SPDX-License-Identifier: MIT
 * What differs between two heaps, as tables: to be read as text, or as JSON by programs and by the
 * page. */
#ifndef REPORT_DIFFERENCE_H
#define REPORT_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../profile/functions.h"
#include "../profile/text.h"

/* A pair holds what was before and what is after. */
struct difference_row {
    char *name;
    char *callers; /* a line for each, innermost first; NULL: none */
    uint64_t bytes[SIDE_COUNT];
    uint64_t count[SIDE_COUNT];
    bool has_count;
};

struct difference_table {
    const char *key; /* in JSON */
    const char *title;
    const char *hint;
    const char *counted; /* what `count` is the number of */
    bool has_sum;        /* otherwise rows are parts of each other, and stay in their order */
    struct difference_row *rows;
    size_t count;
    size_t capacity;
};

#define DIFFERENCE_TABLES_MAX 5

struct difference {
    const char *kind;
    const char *files[SIDE_COUNT];
    struct text about[SIDE_COUNT]; /* what each file is of */
    struct text notes;             /* a line for each */
    struct difference_table tables[DIFFERENCE_TABLES_MAX];
    size_t table_count;
};

/* A table, whose texts stay the caller's; its rows are added to it as long as no other begins. */
struct difference_table *difference_begin_table(struct difference *difference,
                                                struct difference_table heading);

/* A row with this name, which is copied; the caller fills in the rest. */
struct difference_row *difference_add_row(struct difference_table *table, const char *name);

/* Puts the rows in order: those first that grew most. */
void difference_sort(struct difference *difference);

void difference_add_text(struct text *text, const struct difference *difference);

/* Members of an object of JSON. */
void difference_add_json(struct text *json, const struct difference *difference);

void difference_free(struct difference *difference);

#endif
