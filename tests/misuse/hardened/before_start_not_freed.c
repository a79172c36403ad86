/* SPDX-License-Identifier: MIT
 * In front of a block that is not freed: the next call notices.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says mapped: header overwritten at ADDRESS (block of NUMBER bytes, called from malloc)
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    block[-1] = 'A';
    free(malloc(64));
}
