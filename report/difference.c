/* SPDX-License-Identifier: MIT
 * See difference.h. */
#include "difference.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../include/brkmalloc/brkmalloc.h"
#include "../profile/memory.h"
#include "page.h"

/* Rows of a table as text: so many that grew most, and as many that shrank most. */
#define TEXT_ROWS 20

/* Of these rows, and of so many callers of each, the text tells the callers. */
#define TEXT_ROWS_WITH_CALLERS 10
#define TEXT_CALLERS 3

/* ---- Making ---- */

struct difference_table *difference_begin_table(struct difference *difference,
                                                struct difference_table heading)
{
    struct difference_table *table = &difference->tables[difference->table_count++];
    *table = heading;
    return table;
}

struct difference_row *difference_add_row(struct difference_table *table, const char *name)
{
    table->rows = memory_grow(table->rows, table->count, &table->capacity, sizeof(*table->rows));
    struct difference_row *row = &table->rows[table->count++];
    *row = (struct difference_row){.name = memory_copy_text(name)};
    return row;
}

static int compare_pairs(const uint64_t left[SIDE_COUNT], const uint64_t right[SIDE_COUNT])
{
    __int128 first = (__int128)left[SIDE_AFTER] - left[SIDE_BEFORE];
    __int128 second = (__int128)right[SIDE_AFTER] - right[SIDE_BEFORE];
    return first > second ? -1 : first < second;
}

static int compare_rows(const void *left, const void *right)
{
    const struct difference_row *first = left;
    const struct difference_row *second = right;
    int result = compare_pairs(first->bytes, second->bytes);
    result = result != 0 ? result : compare_pairs(first->count, second->count);
    return result != 0 ? result : strcmp(first->name, second->name);
}

void difference_sort(struct difference *difference)
{
    for (size_t i = 0; i < difference->table_count; i++) {
        const struct difference_table *table = &difference->tables[i];
        if (table->has_sum && table->count > 1) {
            qsort(table->rows, table->count, sizeof(*table->rows), compare_rows);
        }
    }
}

static struct difference_row sum_of_rows(const struct difference_table *table)
{
    struct difference_row sum = {.has_count = table->count != 0 && table->rows[0].has_count};
    for (size_t i = 0; i < table->count; i++) {
        for (int side = 0; side < SIDE_COUNT; side++) {
            sum.bytes[side] = sum_of(sum.bytes[side], table->rows[i].bytes[side]);
            sum.count[side] = sum_of(sum.count[side], table->rows[i].count[side]);
        }
    }
    return sum;
}

void difference_free(struct difference *difference)
{
    for (size_t i = 0; i < difference->table_count; i++) {
        struct difference_table *table = &difference->tables[i];
        for (size_t k = 0; k < table->count; k++) {
            free(table->rows[k].name);
            free(table->rows[k].callers);
        }
        free(table->rows);
    }
    text_free(&difference->about[SIDE_BEFORE]);
    text_free(&difference->about[SIDE_AFTER]);
    text_free(&difference->notes);
}

/* ---- Text ---- */

static bool is_changed(const struct difference_row *row)
{
    return row->bytes[SIDE_BEFORE] != row->bytes[SIDE_AFTER] ||
           row->count[SIDE_BEFORE] != row->count[SIDE_AFTER];
}

static void add_pair(struct text *text, const uint64_t pair[SIDE_COUNT], int are_bytes)
{
    char before[NUMBER_SIZE];
    char after[NUMBER_SIZE];
    char growth[NUMBER_SIZE];
    text_format(text, "%13s %11s %11s", number_of(before, pair[SIDE_BEFORE], are_bytes),
                number_of(after, pair[SIDE_AFTER], are_bytes),
                number_of_growth(growth, pair[SIDE_BEFORE], pair[SIDE_AFTER], are_bytes));
}

static void add_text_row(struct text *text, const struct difference_row *row, const char *name)
{
    add_pair(text, row->bytes, 1);
    text_add(text, "  ");
    if (row->has_count) {
        add_pair(text, row->count, 0);
    } else {
        text_format(text, "%37s", "");
    }
    text_add(text, "  ");
    text_add_clean(text, name);
    text_add_character(text, '\n');
}

static void add_callers(struct text *text, const char *callers)
{
    for (size_t lines = 0; *callers != '\0' && lines < TEXT_CALLERS; lines++) {
        size_t length = strcspn(callers, "\n");
        text_format(text, "%78s  from %.*s\n", "", (int)length, callers);
        callers += length + (callers[length] == '\n');
    }
}

static size_t count_changed(const struct difference_table *table)
{
    size_t changed = 0;
    for (size_t i = 0; i < table->count; i++) {
        changed += is_changed(&table->rows[i]);
    }
    return changed;
}

/* The first and the last of the rows that changed. */
static void add_changed_rows(struct text *text, const struct difference_table *table,
                             size_t changed)
{
    size_t number = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct difference_row *row = &table->rows[i];
        if (!is_changed(row)) {
            continue;
        }
        if (number < TEXT_ROWS || number + TEXT_ROWS >= changed) {
            add_text_row(text, row, row->name);
            bool tells_callers = row->callers != NULL && number < TEXT_ROWS_WITH_CALLERS;
            add_callers(text, tells_callers ? row->callers : "");
        } else if (number == TEXT_ROWS) {
            text_format(text, "... and %zu between them; --json has all\n",
                        changed - 2 * TEXT_ROWS);
        }
        number++;
    }
}

static void add_text_table(struct text *text, const struct difference_table *table)
{
    text_format(text, "\n%s\n", table->title);
    if (table->hint != NULL) {
        text_format(text, "%s\n", table->hint);
    }
    struct text counted = {.bytes = NULL};
    text_format(&counted, "%s before", table->counted);
    text_format(text, "%13s %11s %11s  %13s %11s %11s\n", "bytes before", "after", "difference",
                counted.bytes, "after", "difference");
    text_free(&counted);
    if (!table->has_sum) {
        for (size_t i = 0; i < table->count; i++) {
            add_text_row(text, &table->rows[i], table->rows[i].name);
        }
        return;
    }
    size_t changed = count_changed(table);
    add_changed_rows(text, table, changed);
    struct difference_row sum = sum_of_rows(table);
    add_text_row(text, &sum, "in all");
    if (changed < table->count) {
        text_format(text, "without a change: %zu of %zu rows\n", table->count - changed,
                    table->count);
    }
}

void difference_add_text(struct text *text, const struct difference *difference)
{
    static const char *const words[SIDE_COUNT] = {"before: ", "after:  "};
    for (int side = 0; side < SIDE_COUNT; side++) {
        text_add(text, words[side]);
        text_add_clean(text, difference->files[side]);
        text_format(text, ", %s\n", difference->about[side].bytes);
    }
    for (size_t i = 0; i < difference->table_count; i++) {
        add_text_table(text, &difference->tables[i]);
    }
    if (difference->notes.length != 0) {
        text_format(text, "\n%s", difference->notes.bytes);
    }
}

/* ---- JSON ---- */

/* "name":[before,after,difference] */
static void add_json_pair(struct text *json, const char *name, const uint64_t pair[SIDE_COUNT])
{
    uint64_t before = pair[SIDE_BEFORE];
    uint64_t after = pair[SIDE_AFTER];
    text_format(json, ",\"%s\":[%" PRIu64 ",%" PRIu64 ",%s%" PRIu64 "]", name, before, after,
                after < before ? "-" : "", after < before ? before - after : after - before);
}

static void add_json_callers(struct text *json, const char *callers)
{
    text_add(json, ",\"callers\":[");
    for (const char *line = callers; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        struct text caller = {.bytes = NULL};
        text_add_bytes(&caller, line, length);
        text_add(json, line == callers ? "" : ",");
        page_add_string(json, length == 0 ? "" : caller.bytes);
        text_free(&caller);
        line += length + (line[length] == '\n');
    }
    text_add_character(json, ']');
}

static void add_json_row(struct text *json, const struct difference_row *row)
{
    text_add(json, "\n{\"name\":");
    page_add_string(json, row->name);
    add_json_pair(json, "bytes", row->bytes);
    if (row->has_count) {
        add_json_pair(json, "count", row->count);
    }
    if (row->callers != NULL) {
        add_json_callers(json, row->callers);
    }
    text_add_character(json, '}');
}

static void add_json_table(struct text *json, const struct difference_table *table)
{
    text_format(json, "{\"key\":\"%s\",\"title\":\"%s\",\"hint\":\"%s\",\"counted\":\"%s\",",
                table->key, table->title, table->hint != NULL ? table->hint : "", table->counted);
    text_add(json, "\"rows\":[");
    for (size_t i = 0; i < table->count; i++) {
        text_add(json, i == 0 ? "" : ",");
        add_json_row(json, &table->rows[i]);
    }
    text_add_character(json, ']');
    if (table->has_sum) {
        struct difference_row sum = sum_of_rows(table);
        sum.name = memory_copy_text("in all");
        text_add(json, ",\n\"sum\":");
        add_json_row(json, &sum);
        free(sum.name);
    }
    text_add_character(json, '}');
}

static void add_json_notes(struct text *json, const struct difference *difference)
{
    text_add(json, ",\n\"notes\":[");
    const char *line = difference->notes.length != 0 ? difference->notes.bytes : "";
    for (bool first = true; *line != '\0'; first = false) {
        size_t length = strcspn(line, "\n");
        struct text note = {.bytes = NULL};
        text_add_bytes(&note, line, length);
        text_add(json, first ? "" : ",");
        page_add_string(json, note.bytes);
        text_free(&note);
        line += length + 1;
    }
    text_add_character(json, ']');
}

void difference_add_json(struct text *json, const struct difference *difference)
{
    static const char *const words[SIDE_COUNT] = {"before", "after"};
    text_format(json, "\"brkmalloc\":\"%d.%d.%d\",\"kind\":\"%s\"", BRKM_VERSION_MAJOR,
                BRKM_VERSION_MINOR, BRKM_VERSION_PATCH, difference->kind);
    for (int side = 0; side < SIDE_COUNT; side++) {
        text_format(json, ",\n\"%s\":{\"file\":", words[side]);
        page_add_string(json, difference->files[side]);
        text_add(json, ",\"about\":");
        page_add_string(json, difference->about[side].bytes);
        text_add_character(json, '}');
    }
    add_json_notes(json, difference);
    text_add(json, ",\n\"tables\":[");
    for (size_t i = 0; i < difference->table_count; i++) {
        text_add(json, i == 0 ? "" : ",\n");
        add_json_table(json, &difference->tables[i]);
    }
    text_add_character(json, ']');
}
