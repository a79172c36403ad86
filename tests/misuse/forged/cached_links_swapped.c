/* SPDX-License-Identifier: MIT
 * Two cached blocks' links and check words are exchanged.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    char links[16];
    free(two.front);
    free(one.front);
    memcpy(links, one.front, 16);
    memcpy(one.front, two.front, 16);
    memcpy(two.front, links, 16);
    malloc(size);
}
