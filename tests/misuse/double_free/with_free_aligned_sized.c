/* SPDX-License-Identifier: MIT
 * Freed by free, then by free_aligned_sized.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free_aligned_sized)
 * Says mapped: double free at ADDRESS (called from free_aligned_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    free_aligned_sized(block, 16, size);
}
