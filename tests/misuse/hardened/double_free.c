/* SPDX-License-Identifier: MIT
 * The second time while the block is in quarantine.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says mapped: double free at ADDRESS (called from free)
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    free(malloc(size));
    free(block);
}
