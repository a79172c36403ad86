/* SPDX-License-Identifier: MIT
 * The last word of a free block, found when the block behind is freed.
 * Sizes: small medium large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    empty_caches();
    memset(pair.front + size - 8, 'A', 8);
    free(pair.behind);
    empty_caches();
}
