/* SPDX-License-Identifier: MIT
 * Past the end of a block that is not freed: the next call notices.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: write past the end, canary overwritten at ADDRESS (block of NUMBER bytes, called from
 * malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size - 5);
    block[size - 5] = 'A';
    free(malloc(64));
}
