/* SPDX-License-Identifier: MIT
 * The header of a mapped block is copied over that of another.
 * Sizes: mapped
 * Says: header overwritten at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memcpy(header_of(pair.behind), header_of(pair.front), 8);
    free(pair.behind);
}
