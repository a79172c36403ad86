/* SPDX-License-Identifier: MIT
 * Past the end into a free block of the heap; found when that is to be given out.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.behind);
    empty_caches();
    memset(pair.front + size, 'A', 8);
    malloc(size);
}
