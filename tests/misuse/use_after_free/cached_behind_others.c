/* SPDX-License-Identifier: MIT
 * A cached block that others were freed after.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    memset(pair.front, 'A', size);
    malloc(size);
    malloc(size);
}
