/* SPDX-License-Identifier: MIT
 * A block gets the state that a watched one would have, in a mode without such blocks.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned seal;
    memcpy(&seal, header_of(pair.front), sizeof(seal));
    seal += 0x36280000;
    memcpy(header_of(pair.front), &seal, sizeof(seal));
    free(pair.front);
}
