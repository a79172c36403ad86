/* SPDX-License-Identifier: MIT
 * Into what realloc took away.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: write past the end, canary overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = realloc(malloc(size), size - 5);
    block[size - 5] = 'A';
    free(block);
}
