/* SPDX-License-Identifier: MIT
 * free_aligned_sized with an alignment that is no power of two.
 * Sizes: small medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of N bytes, called from free_aligned_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    free_aligned_sized(neighbours(size).front, 24, size);
}
