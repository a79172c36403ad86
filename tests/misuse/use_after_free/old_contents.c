/* SPDX-License-Identifier: MIT
 * What a cached block held when it was freed before is written back, links and all.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc)
 * Says medium: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char old[16];
    struct pair pair = neighbours(size);
    free(pair.behind);
    free(pair.front);
    memcpy(old, pair.front, 16);
    malloc(size);
    malloc(size);
    free(pair.front);
    memcpy(pair.front, old, 16);
    malloc(size);
    malloc(size);
}
