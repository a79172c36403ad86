/* SPDX-License-Identifier: MIT
 * A byte past the end, found by free_aligned_sized.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * free_aligned_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    block[size] = 'A';
    free_aligned_sized(block, 1, size);
}
