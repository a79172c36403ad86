/* SPDX-License-Identifier: MIT
 * free_aligned_sized with an alignment that the block does not have.
 * Sizes: small medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of N bytes, called from free_aligned_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    while ((uintptr_t)block % 4096 == 0)
        block = malloc(size);
    free_aligned_sized(block, 4096, size);
}
