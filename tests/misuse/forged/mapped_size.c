/* SPDX-License-Identifier: MIT
 * A size is written into the header of a mapped block.
 * Sizes: mapped
 * Says: header overwritten at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.front)[6] = 0x40;
    free(pair.front);
}
