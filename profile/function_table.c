/* SPDX-License-Identifier: MIT
 * The table of functions. See views.h. */
#include <stdlib.h>

#include "functions.h"
#include "views.h"

static int compare_most_first(uint64_t first, uint64_t second)
{
    return first > second ? -1 : first < second;
}

static int compare_totals(const struct function_total *left, const struct function_total *right)
{
    int result = compare_most_first(left->flat[SIDE_AFTER], right->flat[SIDE_AFTER]);
    return result != 0
               ? result
               : compare_most_first(left->cumulative[SIDE_AFTER], right->cumulative[SIDE_AFTER]);
}

static void add_row(struct text *text, const struct function_total *total, uint64_t so_far,
                    uint64_t whole, int are_bytes)
{
    char flat[NUMBER_SIZE];
    char flat_part[NUMBER_SIZE];
    char so_far_part[NUMBER_SIZE];
    char cumulative[NUMBER_SIZE];
    char cumulative_part[NUMBER_SIZE];
    text_format(text, "%12s %6s %6s %12s %6s  ",
                number_of(flat, total->flat[SIDE_AFTER], are_bytes),
                number_of_part(flat_part, total->flat[SIDE_AFTER], whole),
                number_of_part(so_far_part, so_far, whole),
                number_of(cumulative, total->cumulative[SIDE_AFTER], are_bytes),
                number_of_part(cumulative_part, total->cumulative[SIDE_AFTER], whole));
}

static void add_rows(struct text *text, const struct function_totals *totals,
                     struct view_options options, uint64_t whole)
{
    uint32_t *order = function_totals_order(totals, compare_totals);
    uint64_t so_far = 0;
    size_t row = 0;
    for (; row < totals->keys.count && row < options.row_count; row++) {
        const struct function_total *total = &totals->totals[order[row]];
        if (total->cumulative[SIDE_AFTER] == 0) {
            break;
        }
        so_far = sum_of(so_far, total->flat[SIDE_AFTER]);
        add_row(text, total, so_far, whole, profile_value_is_bytes(options.value));
        text_format(text, "%s\n", name_table_get(&totals->keys, order[row]));
    }
    if (row == options.row_count && row < totals->keys.count) {
        text_format(text, "and %zu functions more; --rows 0 shows all\n", totals->keys.count - row);
    }
    free(order);
}

void view_add_functions(struct text *text, const struct profile *profile,
                        struct view_options options)
{
    struct function_totals totals = {.capacity = 0};
    function_totals_add(&totals, profile, options.value, SIDE_AFTER);
    view_add_heading(text, profile, options.value);
    text_format(text, "\n%12s %6s %6s %12s %6s  %s\n", "flat", "flat%", "sum%", "cum", "cum%",
                "function  file");
    add_rows(text, &totals, options, profile_total(profile, options.value));
    function_totals_free(&totals);
}
