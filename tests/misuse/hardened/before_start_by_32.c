/* SPDX-License-Identifier: MIT
 * One byte far in front of a block, between its header and the guard page.
 * Options: hardened:true,guard_sample:0
 * Sizes: mapped
 * Says: header overwritten at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size - 100);
    block[-32] = 'A';
    free(block);
}
