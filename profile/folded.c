/* SPDX-License-Identifier: MIT
 * Folded stacks, which flame graph tools read. See views.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "name_table.h"
#include "views.h"

/* The names stand between semicolons. */
static void add_name(struct text *text, const char *name)
{
    for (; *name != '\0'; name++) {
        text_add_character(text, (char)(*name == ';' ? ':' : *name));
    }
}

static void fold(struct text *text, const struct profile *profile,
                 const struct profile_stack *stack)
{
    for (size_t i = stack->count; i-- > 0;) {
        uint32_t name = profile->functions[stack->frames[i].function].name;
        add_name(text, profile_name(profile, name));
        if (i > 0) {
            text_add_character(text, ';');
        }
    }
}

static int compare_lines(const void *left, const void *right, void *context)
{
    const struct name_table *lines = context;
    return strcmp(name_table_get(lines, *(const uint32_t *)left),
                  name_table_get(lines, *(const uint32_t *)right));
}

static void add_lines(struct text *text, struct name_table *lines, const uint64_t *amounts)
{
    uint32_t *order = memory_zeroed(lines->count, sizeof(*order));
    for (uint32_t i = 0; i < lines->count; i++) {
        order[i] = i;
    }
    qsort_r(order, lines->count, sizeof(*order), compare_lines, lines);
    for (size_t i = 0; i < lines->count; i++) {
        if (amounts[order[i]] != 0) {
            text_add(text, name_table_get(lines, order[i]));
            text_format(text, " %" PRIu64 "\n", amounts[order[i]]);
        }
    }
    free(order);
}

void view_add_folded(struct text *text, const struct profile *profile, enum profile_value value)
{
    struct name_table lines = {.count = 0};
    uint64_t *amounts = memory_zeroed(profile->sample_count, sizeof(*amounts));
    struct profile_stack stack = {.count = 0};
    struct text line = {.bytes = NULL};
    for (size_t i = 0; i < profile->sample_count; i++) {
        profile_read_stack(profile, &profile->samples[i], &stack);
        text_clear(&line);
        fold(&line, profile, &stack);
        uint32_t number = name_table_add(&lines, line.bytes, line.length);
        amounts[number] = sum_of(amounts[number], profile->samples[i].values[value]);
    }
    add_lines(text, &lines, amounts);
    text_free(&line);
    free(stack.frames);
    free(amounts);
    name_table_free(&lines);
}
