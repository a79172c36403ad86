/* SPDX-License-Identifier: MIT
 * A string one longer than its block, with its end: behind a block with no byte too many the
 * next header is the canary.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: write past the end, next header overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    memset(block, 'A', size);
    block[size] = '\0';
    free(block);
}
