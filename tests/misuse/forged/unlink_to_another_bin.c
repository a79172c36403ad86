/* SPDX-License-Identifier: MIT
 * The link of a free block leads to a free block of another size.
 * Sizes: small
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size + 16);
    free(one.front);
    free(two.front);
    empty_caches();
    *(void **)one.front = header_of(two.front);
    malloc(size);
}
