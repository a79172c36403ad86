/* SPDX-License-Identifier: MIT
 * Of heap profiles. See heap_difference.h. */
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "../profile/stacks.h"
#include "../profile/views.h"
#include "heap_difference.h"

/* Sites of a table while they are made: a site is the innermost frame of a stack. */
struct sites {
    struct stack_totals stacks;
    struct name_table keys;
    struct site {
        struct stack_total total;
        uint32_t stack;    /* the one that changed most ... */
        uint64_t distance; /* ... by so many bytes */
    } * sites;
};

static uint64_t distance_of(const struct stack_total *total)
{
    uint64_t before = total->bytes[SIDE_BEFORE];
    uint64_t after = total->bytes[SIDE_AFTER];
    return after > before ? after - before : before - after;
}

static void add_stack(struct sites *sites, uint32_t stack)
{
    const struct stack_total *part = &sites->stacks.totals[stack];
    const char *key = name_table_get(&sites->stacks.keys, stack);
    struct site *site = &sites->sites[name_table_add(&sites->keys, key, strcspn(key, "\n"))];
    for (int side = 0; side < SIDE_COUNT; side++) {
        site->total.blocks[side] = sum_of(site->total.blocks[side], part->blocks[side]);
        site->total.bytes[side] = sum_of(site->total.bytes[side], part->bytes[side]);
    }
    if (distance_of(part) >= site->distance) {
        site->distance = distance_of(part);
        site->stack = stack;
    }
}

static bool is_empty(const struct stack_total *total)
{
    return (total->blocks[SIDE_BEFORE] | total->blocks[SIDE_AFTER] | total->bytes[SIDE_BEFORE] |
            total->bytes[SIDE_AFTER]) == 0;
}

static void add_site(struct difference_table *table, const struct sites *sites, uint32_t number)
{
    const struct site *site = &sites->sites[number];
    const char *stack = name_table_get(&sites->stacks.keys, site->stack);
    const char *callers = stack + strcspn(stack, "\n");
    struct difference_row *row = difference_add_row(table, name_table_get(&sites->keys, number));
    memcpy(row->bytes, site->total.bytes, sizeof(row->bytes));
    memcpy(row->count, site->total.blocks, sizeof(row->count));
    row->has_count = true;
    row->callers = memory_copy_text(*callers == '\n' ? callers + 1 : callers);
}

static void add_sites(struct difference *difference, const struct profile profiles[SIDE_COUNT],
                      struct stack_choice choice, struct difference_table heading)
{
    struct difference_table *table = difference_begin_table(difference, heading);
    struct sites sites = {.sites = NULL};
    stack_totals_add(&sites.stacks, &profiles[SIDE_BEFORE], choice, SIDE_BEFORE);
    stack_totals_add(&sites.stacks, &profiles[SIDE_AFTER], choice, SIDE_AFTER);
    sites.sites = memory_zeroed(sites.stacks.keys.count, sizeof(*sites.sites));
    for (uint32_t i = 0; i < sites.stacks.keys.count; i++) {
        add_stack(&sites, i);
    }
    for (uint32_t i = 0; i < sites.keys.count; i++) {
        if (!is_empty(&sites.sites[i].total)) {
            add_site(table, &sites, i);
        }
    }
    free(sites.sites);
    name_table_free(&sites.keys);
    stack_totals_free(&sites.stacks);
}

/* ---- The whole ---- */

static void add_total(struct difference_table *table, const char *name,
                      const struct profile profiles[SIDE_COUNT], enum profile_value blocks,
                      enum profile_value bytes)
{
    struct difference_row *row = difference_add_row(table, name);
    row->has_count = true;
    for (int side = 0; side < SIDE_COUNT; side++) {
        row->bytes[side] = profile_total(&profiles[side], bytes);
        row->count[side] = profile_total(&profiles[side], blocks);
    }
}

/* The heading's lines beside each other. */
static void add_about(struct text *about, const struct profile *profile)
{
    struct text heading = {.bytes = NULL};
    view_add_heading(&heading, profile, PROFILE_INUSE_SPACE);
    const char *end = strchr(heading.bytes, '\n');
    text_add_bytes(about, heading.bytes, (size_t)(end - heading.bytes));
    text_format(about, "; %.*s", (int)strcspn(end + 1, "\n"), end + 1);
    text_free(&heading);
}

void difference_of_profiles(struct difference *difference,
                            const struct profile profiles[SIDE_COUNT])
{
    bool is_at_peak = profiles[SIDE_BEFORE].is_at_peak;
    difference->kind = "profiles";
    add_about(&difference->about[SIDE_BEFORE], &profiles[SIDE_BEFORE]);
    add_about(&difference->about[SIDE_AFTER], &profiles[SIDE_AFTER]);
    struct difference_table *totals = difference_begin_table(
        difference, (struct difference_table){
                        .key = "totals", .title = "The heap in all", .counted = "blocks"});
    add_total(totals, is_at_peak ? "in use at the peak" : "in use", profiles, PROFILE_INUSE_OBJECTS,
              PROFILE_INUSE_SPACE);
    add_total(totals, "allocated in all", profiles, PROFILE_ALLOC_OBJECTS, PROFILE_ALLOC_SPACE);
    add_sites(difference, profiles,
              (struct stack_choice){PROFILE_INUSE_OBJECTS, PROFILE_INUSE_SPACE, true},
              (struct difference_table){.key = "sites",
                                        .title = is_at_peak ? "In use at the peak, by call site"
                                                            : "In use, by call site",
                                        .counted = "blocks",
                                        .has_sum = true});
    add_sites(difference, profiles,
              (struct stack_choice){PROFILE_ALLOC_OBJECTS, PROFILE_ALLOC_SPACE, true},
              (struct difference_table){.key = "allocated",
                                        .title = "Allocated in all, by call site",
                                        .counted = "blocks",
                                        .has_sum = true});
    difference_sort(difference);
}
