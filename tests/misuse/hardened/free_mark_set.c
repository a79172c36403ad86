/* SPDX-License-Identifier: MIT
 * The header behind a block in use is made to say that the block is free, and it is freed.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.behind)[4] |= 0x80;
    free(pair.front);
}
