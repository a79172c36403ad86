/* SPDX-License-Identifier: MIT
 * The links of a free block, found when another block of its size is freed.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc_trim)
 * Says large: write after free, links of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair first = neighbours(size), second = neighbours(size);
    free(first.front);
    empty_caches();
    *(size_t *)first.front = 0x4141414141414141;
    free(second.front);
    empty_caches();
}
