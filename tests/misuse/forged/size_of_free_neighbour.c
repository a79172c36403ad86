/* SPDX-License-Identifier: MIT
 * The size of a free block is enlarged, found when the block in front is freed.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.behind);
    empty_caches();
    header_of(pair.behind)[7] += 4;
    free(pair.front);
    empty_caches();
}
