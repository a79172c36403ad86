/* SPDX-License-Identifier: MIT
 * See trace_sites.h. */
#include "trace_sites.h"

#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "../trace/stack_names.h"
#include "../trace/stack_weights.h"

/* Stacks that the page has with all callers: the largest, and of each address that called the
 * allocator the largest; four mebibytes of names are too many. */
#define LARGEST_STACKS 1024
#define STACKS_SHOWN_MAX 4096

struct maker {
    struct trace_sites *sites;
    const struct stack_list *list;
    uint64_t *weights;
    bool *is_chosen; /* by number of stack: it is shown with its callers */
    size_t capacity; /* of sites->largest */
};

/* ---- Which stacks ---- */

static int compare_weights(const void *left, const void *right, void *context)
{
    const uint64_t *weights = context;
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return weights[a] != weights[b] ? (weights[a] > weights[b] ? -1 : 1) : (a < b ? -1 : a > b);
}

static uint64_t caller_of(const struct stack_list *list, uint32_t number)
{
    struct trace_frame frames[TRACE_DEPTH_MAX];
    return stack_list_frames(list, number, frames) == 0 ? 0 : frames[0].address;
}

static void choose_stacks(struct maker *maker)
{
    size_t count = maker->list->stack_count;
    uint32_t *order = memory_zeroed(count, sizeof(*order));
    struct name_table callers = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i + 1;
    }
    if (count > 1) {
        qsort_r(order, count, sizeof(*order), compare_weights, maker->weights);
    }
    size_t chosen = 0;
    for (size_t i = 0; i < count && chosen < STACKS_SHOWN_MAX; i++) {
        uint64_t caller = caller_of(maker->list, order[i]);
        size_t known = callers.count;
        bool is_new = name_table_add(&callers, &caller, sizeof(caller)) == known;
        maker->is_chosen[order[i]] = is_new || i < LARGEST_STACKS;
        chosen += maker->is_chosen[order[i]];
    }
    name_table_free(&callers);
    free(order);
}

/* ---- Names ---- */

static uint32_t site_of(struct maker *maker, const char *lines, size_t length)
{
    struct trace_sites *sites = maker->sites;
    uint32_t number = name_table_add(&sites->names, lines, length) + 1;
    while (maker->capacity <= number) {
        size_t before = maker->capacity;
        sites->largest =
            memory_grow(sites->largest, before, &maker->capacity, sizeof(*sites->largest));
        memset(sites->largest + before, 0, (maker->capacity - before) * sizeof(*sites->largest));
    }
    return number;
}

/* With its callers, or by the line of its site alone. */
static uint16_t show(struct trace_sites *sites, const char *lines, size_t length)
{
    if (sites->stacks.count >= UINT16_MAX) {
        return 0;
    }
    return (uint16_t)(name_table_add(&sites->stacks, lines, length) + 1);
}

static void add_stack(void *context, uint32_t number, const char *lines)
{
    struct maker *maker = context;
    struct trace_sites *sites = maker->sites;
    size_t length = strcspn(lines, "\n");
    uint32_t site = site_of(maker, lines, length);
    uint32_t *largest = &sites->largest[site];
    sites->site_of[number] = site;
    sites->shown_as[number] =
        show(sites, lines, maker->is_chosen[number] ? strlen(lines) : length + 1);
    if (*largest == 0 || maker->weights[number] > maker->weights[*largest]) {
        *largest = number;
    }
}

bool trace_sites_make(struct trace_sites *sites, const unsigned char *bytes, uint64_t length,
                      struct problem *problem)
{
    struct trace trace;
    *sites = (struct trace_sites){.site_of = NULL};
    bool done = trace_open(&trace, bytes, length, problem);
    if (done) {
        size_t count = trace.stacks.stack_count + 1;
        struct maker maker = {.sites = sites,
                              .list = &trace.stacks,
                              .weights = memory_zeroed(count, sizeof(*maker.weights)),
                              .is_chosen = memory_zeroed(count, sizeof(*maker.is_chosen))};
        sites->site_of = memory_zeroed(count, sizeof(*sites->site_of));
        sites->shown_as = memory_zeroed(count, sizeof(*sites->shown_as));
        done = count == 1 || stack_weights_add(maker.weights, &trace, problem);
        if (done) {
            choose_stacks(&maker);
            stack_names_each(&trace.stacks, add_stack, &maker);
        }
        free(maker.weights);
        free(maker.is_chosen);
    }
    trace_close(&trace);
    return done;
}

void trace_sites_free(struct trace_sites *sites)
{
    free(sites->site_of);
    free(sites->shown_as);
    free(sites->largest);
    name_table_free(&sites->names);
    name_table_free(&sites->stacks);
}
