/* SPDX-License-Identifier: MIT
 * Past the end into a free block of the heap; found when the block in front is freed.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.behind);
    empty_caches();
    memset(pair.front + size, 'A', 8);
    free(pair.front);
}
