/* SPDX-License-Identifier: MIT
 * The reports of what is in use, by place. See views.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "name_table.h"
#include "stacks.h"
#include "views.h"

/* Of a place that is reached in more ways, the others are counted only. */
#define STACKS_PER_SITE 8

/* Callers of a place that is shown with its largest call stack only. */
#define CALLERS_PER_SITE 5

/* A site is the innermost frame of a stack; it has the sums of its stacks. */
struct report {
    struct stack_totals stacks;
    uint32_t *site_of_stack;
    struct name_table sites;
    struct stack_total *site_totals;
    uint32_t *order; /* of the stacks: by site, within a site by amount */
    bool is_by_blocks;
    bool is_brief; /* one stack per site, its callers without their amount */
};

static uint64_t amount_of(const struct report *report, const struct stack_total *total)
{
    return report->is_by_blocks ? total->blocks[SIDE_AFTER] : total->bytes[SIDE_AFTER];
}

static int compare_most_first(uint64_t first, uint64_t second)
{
    return first > second ? -1 : first < second;
}

static int compare_stacks(const void *left, const void *right, void *context)
{
    const struct report *report = context;
    uint32_t first = *(const uint32_t *)left;
    uint32_t second = *(const uint32_t *)right;
    uint32_t first_site = report->site_of_stack[first];
    uint32_t second_site = report->site_of_stack[second];
    int result = compare_most_first(amount_of(report, &report->site_totals[first_site]),
                                    amount_of(report, &report->site_totals[second_site]));
    if (result == 0) {
        result = strcmp(name_table_get(&report->sites, first_site),
                        name_table_get(&report->sites, second_site));
    }
    if (result == 0) {
        result = compare_most_first(amount_of(report, &report->stacks.totals[first]),
                                    amount_of(report, &report->stacks.totals[second]));
    }
    return result != 0 ? result
                       : strcmp(name_table_get(&report->stacks.keys, first),
                                name_table_get(&report->stacks.keys, second));
}

static void sum_up_sites(struct report *report)
{
    size_t count = report->stacks.keys.count;
    report->site_of_stack = memory_zeroed(count, sizeof(*report->site_of_stack));
    report->site_totals = memory_zeroed(count, sizeof(*report->site_totals));
    report->order = memory_zeroed(count, sizeof(*report->order));
    for (uint32_t i = 0; i < count; i++) {
        const char *stack = name_table_get(&report->stacks.keys, i);
        uint32_t site = name_table_add(&report->sites, stack, strcspn(stack, "\n"));
        struct stack_total *total = &report->site_totals[site];
        const struct stack_total *part = &report->stacks.totals[i];
        total->blocks[SIDE_AFTER] = sum_of(total->blocks[SIDE_AFTER], part->blocks[SIDE_AFTER]);
        total->bytes[SIDE_AFTER] = sum_of(total->bytes[SIDE_AFTER], part->bytes[SIDE_AFTER]);
        report->site_of_stack[i] = site;
        report->order[i] = i;
    }
    qsort_r(report->order, count, sizeof(*report->order), compare_stacks, report);
}

static void add_amount(struct text *text, const struct stack_total *total)
{
    char bytes[NUMBER_SIZE];
    uint64_t blocks = total->blocks[SIDE_AFTER];
    text_format(text, "%s in %" PRIu64 " block%s", number_of(bytes, total->bytes[SIDE_AFTER], 1),
                blocks, blocks == 1 ? "" : "s");
}

static void add_stack(struct text *text, const struct report *report, uint32_t stack)
{
    const char *key = name_table_get(&report->stacks.keys, stack);
    const char *callers = key + strcspn(key, "\n") + 1;
    if (report->is_brief) {
        stack_add_lines(text, callers, "    ", CALLERS_PER_SITE);
        return;
    }
    text_add(text, "    ");
    add_amount(text, &report->stacks.totals[stack]);
    text_add(text, ", called from\n");
    stack_add_lines(text, callers, "        ", SIZE_MAX);
}

static bool is_empty(const struct stack_total *total)
{
    return total->bytes[SIDE_AFTER] == 0 && total->blocks[SIDE_AFTER] == 0;
}

/* Adds the site of the stack at `position` in the order; returns the position of the next site. */
static size_t add_site(struct text *text, const struct report *report, size_t position,
                       uint64_t whole)
{
    uint32_t site = report->site_of_stack[report->order[position]];
    const struct stack_total *total = &report->site_totals[site];
    char part[NUMBER_SIZE];
    add_amount(text, total);
    text_format(text, " (%s): %s\n", number_of_part(part, amount_of(report, total), whole),
                name_table_get(&report->sites, site));
    size_t most = report->is_brief ? 1 : STACKS_PER_SITE;
    size_t shown = 0;
    size_t hidden = 0;
    for (; position < report->stacks.keys.count; position++) {
        uint32_t stack = report->order[position];
        if (report->site_of_stack[stack] != site) {
            break;
        }
        if (is_empty(&report->stacks.totals[stack])) {
            continue;
        }
        if (shown < most) {
            add_stack(text, report, stack);
            shown++;
        } else {
            hidden++;
        }
    }
    if (hidden > 0) {
        text_format(text, "    and from %zu other call stack%s\n", hidden, hidden == 1 ? "" : "s");
    }
    text_add_character(text, '\n');
    return position;
}

static void add_sites(struct text *text, const struct report *report, size_t row_count,
                      uint64_t whole)
{
    size_t position = 0;
    size_t rows = 0;
    while (position < report->stacks.keys.count) {
        uint32_t site = report->site_of_stack[report->order[position]];
        if (is_empty(&report->site_totals[site])) {
            break;
        }
        if (rows == row_count) {
            text_add(text, "and less in other places; --rows 0 shows all\n");
            break;
        }
        position = add_site(text, report, position, whole);
        rows++;
    }
    if (rows == 0) {
        text_add(text, "Nothing was in use.\n");
    }
}

static void add_report(struct text *text, const struct profile *profile,
                       struct view_options options, struct report *report)
{
    struct stack_choice choice = {PROFILE_INUSE_OBJECTS, PROFILE_INUSE_SPACE, true};
    report->is_by_blocks = options.value == PROFILE_INUSE_OBJECTS;
    stack_totals_add(&report->stacks, profile, choice, SIDE_AFTER);
    sum_up_sites(report);
    add_sites(text, report, options.row_count, profile_total(profile, options.value));
    stack_totals_free(&report->stacks);
    name_table_free(&report->sites);
    free(report->site_of_stack);
    free(report->site_totals);
    free(report->order);
}

void view_add_sites(struct text *text, const struct profile *profile, struct view_options options)
{
    struct report report = {.is_brief = true};
    view_add_heading(text, profile, options.value);
    text_add_character(text, '\n');
    add_report(text, profile, options, &report);
}

void view_add_leaks(struct text *text, const struct profile *profile, struct view_options options)
{
    struct report report = {.is_brief = false};
    view_add_heading(text, profile, options.value);
    text_add(text,
             "What is in use may still be needed: compare with what should have been freed.\n\n");
    add_report(text, profile, options, &report);
}
