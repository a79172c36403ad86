/* SPDX-License-Identifier: MIT
 * A header is copied to an address inside the block, and what it makes a block of is freed.
 * Sizes: medium large
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memcpy(header_of(pair.front + 64), header_of(pair.front), 8);
    free(pair.front + 64);
}
