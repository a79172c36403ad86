/* SPDX-License-Identifier: MIT
 * The tag leads to an address that is no memory.
 * Sizes: small medium large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.behind)[4] |= 0x80;
    ((size_t *)pair.behind)[-2] = (size_t)1 << 46;
    free(pair.behind);
    empty_caches();
}
