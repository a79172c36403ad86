/* SPDX-License-Identifier: MIT
 * The same bit is flipped in link and check word of a cached block.
 * Sizes: small
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    free(two.front);
    free(one.front);
    ((size_t *)one.front)[0] ^= 64;
    ((size_t *)one.front)[1] ^= 64;
    for (int i = 0; i < 4; i++)
        malloc(size);
}
