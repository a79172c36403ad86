/* SPDX-License-Identifier: MIT
 * free_sized with the size of the pointer.
 * Sizes: medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of N bytes, called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free_sized(block, sizeof block);
}
