/* SPDX-License-Identifier: MIT
 * The link of a cached block leads 16 bytes further.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    free(two.front);
    free(one.front);
    *(char **)one.front += 16;
    malloc(size);
}
