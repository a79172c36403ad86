/* SPDX-License-Identifier: MIT
 * The note of given back pages is copied from another free block.
 * Sizes: large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from calloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), other = neighbours(size);
    free(one.front);
    free(other.front);
    empty_caches();
    memcpy(one.front + 32, other.front + 32, 24);
    calloc(1, size);
    calloc(1, size);
}
