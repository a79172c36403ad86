/* SPDX-License-Identifier: MIT
 * One byte past what was asked for, which no header notices.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: write past the end, canary overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size - 13);
    block[size - 13] = 'A';
    free(block);
}
