/* SPDX-License-Identifier: MIT
 * See map_sites.h. */
#include "map_sites.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"

struct site {
    double bytes; /* of its blocks, at any time */
    uint32_t number;
};

static int compare_sites(const void *left, const void *right)
{
    const struct site *a = left;
    const struct site *b = right;
    return a->bytes != b->bytes ? (a->bytes > b->bytes ? -1 : 1)
                                : (a->number < b->number ? -1 : a->number > b->number);
}

/* The site of each stack: its first line. */
static uint32_t *name_sites(struct name_table *names, const struct name_table *stacks)
{
    uint32_t *site_of = memory_zeroed(stacks->count, sizeof(*site_of));
    for (uint32_t i = 0; i < stacks->count; i++) {
        const char *lines = name_table_get(stacks, i);
        site_of[i] = name_table_add(names, lines, strcspn(lines, "\n"));
    }
    return site_of;
}

static double weight_of(const struct span *span, uint64_t interval)
{
    double bytes = (double)span->bytes;
    return interval > 1 ? bytes / -expm1(-bytes / (double)interval) : bytes;
}

static struct site *sum_up(const struct picture *picture, const uint32_t *site_of, size_t stacks,
                           size_t count, uint64_t interval)
{
    struct site *all = memory_zeroed(count, sizeof(*all));
    for (size_t i = 0; i < count; i++) {
        all[i].number = (uint32_t)i;
    }
    for (size_t i = 0; i < picture->count; i++) {
        const struct span *span = &picture->spans[i];
        if (span->site != 0 && span->site <= stacks && span->bytes != 0) {
            all[site_of[span->site - 1]].bytes += weight_of(span, interval);
        }
    }
    qsort(all, count, sizeof(*all), compare_sites);
    return all;
}

/* Of sites in the order of their bytes. */
static uint8_t *rank_sites(struct map_sites *sites, const struct site *all,
                           const struct name_table *names)
{
    uint8_t *rank_of = memory_zeroed(names->count, sizeof(*rank_of));
    for (size_t i = 0; i < names->count; i++) {
        const char *name = name_table_get(names, all[i].number);
        bool is_shown = sites->count < MAP_SITES_SHOWN && all[i].bytes > 0 && name[0] != '\0';
        rank_of[all[i].number] = name[0] == '\0' ? MAP_SITE_NOT_KNOWN
                                 : is_shown      ? (uint8_t)sites->count
                                                 : MAP_SITE_OTHER;
        if (is_shown) {
            sites->names[sites->count++] = memory_copy_text(name);
        }
    }
    return rank_of;
}

void map_sites_make(struct map_sites *sites, const struct picture *picture,
                    const struct name_table *stacks, uint64_t interval)
{
    *sites = (struct map_sites){.count = 0};
    if (stacks->count == 0) {
        return;
    }
    struct name_table names = {.count = 0};
    uint32_t *site_of = name_sites(&names, stacks);
    struct site *all = sum_up(picture, site_of, stacks->count, names.count, interval);
    uint8_t *rank_of = rank_sites(sites, all, &names);
    sites->ranks = memory_zeroed(UINT16_MAX + 1, sizeof(*sites->ranks));
    memset(sites->ranks, MAP_SITE_NOT_KNOWN, UINT16_MAX + 1);
    for (uint32_t i = 0; i < stacks->count && i < UINT16_MAX; i++) {
        sites->ranks[i + 1] = rank_of[site_of[i]];
    }
    free(rank_of);
    free(all);
    free(site_of);
    name_table_free(&names);
}

void map_sites_free(struct map_sites *sites)
{
    for (size_t i = 0; i < sites->count; i++) {
        free(sites->names[i]);
    }
    free(sites->ranks);
}
