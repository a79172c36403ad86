/* SPDX-License-Identifier: MIT
 * A cached block gets the header of another size.
 * Sizes: medium
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size), larger = neighbours(2 * size);
    free(pair.front);
    free(larger.front);
    memcpy(header_of(pair.front), header_of(larger.front), 8);
    malloc(size);
}
