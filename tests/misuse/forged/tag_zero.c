/* SPDX-License-Identifier: MIT
 * The boundary tag becomes 0, and the block is taken.
 * Sizes: small medium large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from
 * malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    empty_caches();
    *(size_t *)(header_of(pair.behind) - 8) = 0;
    malloc(size);
}
