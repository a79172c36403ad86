/* SPDX-License-Identifier: MIT
 * Past the end of a block that is not freed: noticed at exit.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: write past the end, next header overwritten at ADDRESS (block of NUMBER bytes, called from
 * exit) */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    free(malloc(64));
    block[size] = 'A';
}
