/* SPDX-License-Identifier: MIT
 * The boundary tag is enlarged before pages are given back.
 * Sizes: large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from
 * malloc_trim) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    *(size_t *)(header_of(pair.behind) - 8) += 4096;
    malloc_trim(0);
}
