/* SPDX-License-Identifier: MIT
 * A block of no bytes, twice.
 * Options: hardened:true,guard_sample:0
 * Sizes: small
 * Says: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    (void)size;
    void *block = malloc(0);
    free(block);
    free(block);
}
