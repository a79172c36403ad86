/* SPDX-License-Identifier: MIT
 * The call sites of a map: those with most bytes have colours of their own. A site is the function
 * that called the allocator, with its line; its stacks are many. */
#ifndef REPORT_MAP_SITES_H
#define REPORT_MAP_SITES_H

#include <stddef.h>
#include <stdint.h>

#include "../profile/name_table.h"
#include "picture.h"

/* As many as pages have colours for. */
#define MAP_SITES_SHOWN 7

/* Ranks: those of the shown come first. */
enum { MAP_SITE_OTHER = MAP_SITES_SHOWN, MAP_SITE_NOT_KNOWN, MAP_SITE_RANKS };

struct map_sites {
    char *names[MAP_SITES_SHOWN]; /* the largest first */
    size_t count;                 /* of them; 0: no call site is known */
    uint8_t *ranks;               /* by the number that a span has; NULL where none is known */
};

/* `stacks` has the lines of the stack number i + 1 as its name number i. Where the heap profile
 * took samples from `interval` to `interval` bytes, a block counts for those of its size. */
void map_sites_make(struct map_sites *sites, const struct picture *picture,
                    const struct name_table *stacks, uint64_t interval);
void map_sites_free(struct map_sites *sites);

static inline uint8_t map_sites_rank(const struct map_sites *sites, const struct span *span)
{
    return span->site == 0 || sites->ranks == NULL ? MAP_SITE_NOT_KNOWN : sites->ranks[span->site];
}

#endif
