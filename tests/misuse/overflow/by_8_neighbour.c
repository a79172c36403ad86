/* SPDX-License-Identifier: MIT
 * 8 bytes past the end, found when the block behind is freed.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memset(pair.front + size, 'A', 8);
    free(pair.behind);
}
