/* SPDX-License-Identifier: MIT
 * The two links of a free block are exchanged.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    free(one.front);
    free(two.front);
    empty_caches();
    char *links[2];
    memcpy(links, one.front, 16);
    memcpy(one.front, links + 1, 8);
    memcpy(one.front + 8, links, 8);
    malloc(size);
    malloc(size);
}
