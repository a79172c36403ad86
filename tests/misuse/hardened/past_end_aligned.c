/* SPDX-License-Identifier: MIT
 * Past the end of an aligned block.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: write past the end, canary overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = aligned_alloc(256, size - 4);
    block[size - 4] = 'A';
    free(block);
}
