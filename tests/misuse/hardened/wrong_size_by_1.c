/* SPDX-License-Identifier: MIT
 * Freed with one byte less than was asked for.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of NUMBER bytes, called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    void *block = malloc(size);
    free_sized(block, size - 1);
}
