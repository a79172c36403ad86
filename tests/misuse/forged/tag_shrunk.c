/* SPDX-License-Identifier: MIT
 * The boundary tag is shrunk.
 * Sizes: medium large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    empty_caches();
    *(size_t *)(header_of(pair.behind) - 8) -= 32;
    free(pair.behind);
    empty_caches();
}
