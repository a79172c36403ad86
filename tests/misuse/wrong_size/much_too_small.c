/* SPDX-License-Identifier: MIT
 * free_sized with less than a quarter of the size.
 * Sizes: medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of N bytes, called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    free_sized(neighbours(size).front, size / 4);
}
