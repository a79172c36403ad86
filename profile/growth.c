/* SPDX-License-Identifier: MIT
 * What differs between two profiles. See views.h. */
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "memory.h"
#include "stacks.h"
#include "views.h"

/* Call stacks are long: of them fewer are shown than of functions. */
#define STACKS_MAX 10

/* Of two pairs (before, after) the one that grew more comes first. */
static int compare_growth(const uint64_t left[SIDE_COUNT], const uint64_t right[SIDE_COUNT])
{
    /* The amounts are below 2^63 but for sums that were cut. */
    __int128 first = (__int128)left[SIDE_AFTER] - left[SIDE_BEFORE];
    __int128 second = (__int128)right[SIDE_AFTER] - right[SIDE_BEFORE];
    return first > second ? -1 : first < second;
}

static int compare_totals(const struct function_total *left, const struct function_total *right)
{
    int result = compare_growth(left->flat, right->flat);
    return result != 0 ? result : compare_growth(left->cumulative, right->cumulative);
}

static bool is_same(const uint64_t amounts[SIDE_COUNT])
{
    return amounts[SIDE_BEFORE] == amounts[SIDE_AFTER];
}

static void add_function_row(struct text *text, const struct function_total *total, int are_bytes)
{
    char flat[NUMBER_SIZE];
    char cumulative[NUMBER_SIZE];
    char before[NUMBER_SIZE];
    char after[NUMBER_SIZE];
    text_format(
        text, "%12s %12s %12s %12s  ",
        number_of_growth(flat, total->flat[SIDE_BEFORE], total->flat[SIDE_AFTER], are_bytes),
        number_of_growth(cumulative, total->cumulative[SIDE_BEFORE], total->cumulative[SIDE_AFTER],
                         are_bytes),
        number_of(before, total->cumulative[SIDE_BEFORE], are_bytes),
        number_of(after, total->cumulative[SIDE_AFTER], are_bytes));
}

static void add_functions(struct text *text, const struct profile *before,
                          const struct profile *after, struct view_options options)
{
    struct function_totals totals = {.capacity = 0};
    function_totals_add(&totals, before, options.value, SIDE_BEFORE);
    function_totals_add(&totals, after, options.value, SIDE_AFTER);
    uint32_t *order = function_totals_order(&totals, compare_totals);
    size_t rows = 0;
    size_t hidden = 0;
    text_format(text, "%12s %12s %12s %12s  %s\n", "flat", "cum", "cum before", "cum after",
                "function  file");
    for (size_t i = 0; i < totals.keys.count; i++) {
        const struct function_total *total = &totals.totals[order[i]];
        if (is_same(total->flat) && is_same(total->cumulative)) {
            continue;
        }
        if (rows == options.row_count) {
            hidden++;
            continue;
        }
        add_function_row(text, total, profile_value_is_bytes(options.value));
        text_format(text, "%s\n", name_table_get(&totals.keys, order[i]));
        rows++;
    }
    if (hidden > 0) {
        text_format(text, "and %zu functions more; --rows 0 shows all\n", hidden);
    }
    free(order);
    function_totals_free(&totals);
}

/* One value is compared: it takes the place of the bytes. */
static int compare_stacks(const void *left, const void *right, void *context)
{
    const struct stack_totals *totals = context;
    uint32_t first = *(const uint32_t *)left;
    uint32_t second = *(const uint32_t *)right;
    int result = compare_growth(totals->totals[first].bytes, totals->totals[second].bytes);
    return result != 0 ? result
                       : strcmp(name_table_get(&totals->keys, first),
                                name_table_get(&totals->keys, second));
}

static void add_grown_stack(struct text *text, const struct stack_totals *totals, uint32_t stack,
                            int are_bytes)
{
    const uint64_t *amounts = totals->totals[stack].bytes;
    char growth[NUMBER_SIZE];
    char before[NUMBER_SIZE];
    char after[NUMBER_SIZE];
    text_format(text, "%s, from %s to %s\n",
                number_of_growth(growth, amounts[SIDE_BEFORE], amounts[SIDE_AFTER], are_bytes),
                number_of(before, amounts[SIDE_BEFORE], are_bytes),
                number_of(after, amounts[SIDE_AFTER], are_bytes));
    stack_add_lines(text, name_table_get(&totals->keys, stack), "    ", SIZE_MAX);
}

static void add_stacks(struct text *text, const struct profile *before, const struct profile *after,
                       struct view_options options)
{
    struct stack_totals totals = {.capacity = 0};
    struct stack_choice choice = {options.value, options.value, false};
    stack_totals_add(&totals, before, choice, SIDE_BEFORE);
    stack_totals_add(&totals, after, choice, SIDE_AFTER);
    uint32_t *order = memory_zeroed(totals.keys.count, sizeof(*order));
    for (uint32_t i = 0; i < totals.keys.count; i++) {
        order[i] = i;
    }
    qsort_r(order, totals.keys.count, sizeof(*order), compare_stacks, &totals);
    text_add(text, "\nCall stacks that grew most, innermost function first:\n");
    size_t rows = 0;
    for (size_t i = 0; i < totals.keys.count && rows < STACKS_MAX; i++, rows++) {
        const uint64_t *amounts = totals.totals[order[i]].bytes;
        if (amounts[SIDE_AFTER] <= amounts[SIDE_BEFORE]) {
            break;
        }
        text_add_character(text, '\n');
        add_grown_stack(text, &totals, order[i], profile_value_is_bytes(options.value));
    }
    if (rows == 0) {
        text_add(text, "\nnone\n");
    }
    free(order);
    stack_totals_free(&totals);
}

void view_add_growth(struct text *text, const struct profile *before, const struct profile *after,
                     struct view_options options)
{
    char growth[NUMBER_SIZE];
    uint64_t total_before = profile_total(before, options.value);
    uint64_t total_after = profile_total(after, options.value);
    text_add(text, "before: ");
    view_add_heading(text, before, options.value);
    text_add(text, "after:  ");
    view_add_heading(text, after, options.value);
    text_format(
        text, "growth: %s\n\n",
        number_of_growth(growth, total_before, total_after, profile_value_is_bytes(options.value)));
    add_functions(text, before, after, options);
    add_stacks(text, before, after, options);
}
