/* SPDX-License-Identifier: MIT
 * 8 bytes before the start, found when the block in front is freed.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memset(pair.behind - 8, 'A', 8);
    free(pair.front);
}
