/* SPDX-License-Identifier: MIT
 * Past the end into a block that is cached; found when that is to be given out.
 * Sizes: small medium
 * Says: header overwritten at ADDRESS (called from malloc)
 * Says medium: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.behind);
    pair.front[size] = 'A';
    free(malloc(size));
}
