/* SPDX-License-Identifier: MIT
 * The links of a free block, found when its neighbour is freed.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc_trim)
 * Says large: write after free, links of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.behind);
    empty_caches();
    memset(pair.behind, 'A', 16);
    free(pair.front);
    empty_caches();
}
