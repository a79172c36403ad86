/* SPDX-License-Identifier: MIT
 * free_sized with an impossible size.
 * Sizes: small medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of N bytes, called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    free_sized(neighbours(size).front, (size_t)-1);
}
