/* SPDX-License-Identifier: MIT
 * free_sized with a larger size than the block has.
 * Sizes: small medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of N bytes, called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    free_sized(neighbours(size).front, size + 1);
}
