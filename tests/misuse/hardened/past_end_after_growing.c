/* SPDX-License-Identifier: MIT
 * Past the end of a block that realloc made larger.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: write past the end, canary overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = realloc(malloc(size), size + 3);
    block[size + 3] = 'A';
    free(block);
}
