/* SPDX-License-Identifier: MIT
 * The boundary tag of a free block is enlarged over the block in front.
 * Sizes: small medium large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *blocks[3] = {malloc(size), malloc(size), malloc(size)};
    struct pair pair = neighbours(size);
    free(pair.front);
    empty_caches();
    ((size_t *)pair.behind)[-2] += 32;
    free(pair.behind);
    empty_caches();
}
