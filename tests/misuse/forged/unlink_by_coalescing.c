/* SPDX-License-Identifier: MIT
 * As unlink_write, and the block is taken out because its neighbour is freed.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc_trim)
 * Says large: write after free, links of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

static void *coalescing_target;

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.behind);
    empty_caches();
    ((void **)pair.behind)[0] = ((void **)pair.behind)[1] = &coalescing_target - 1;
    free(pair.front);
    empty_caches();
}
