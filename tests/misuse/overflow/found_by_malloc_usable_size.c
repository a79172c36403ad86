/* SPDX-License-Identifier: MIT
 * A byte past the end, found by malloc_usable_size.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    block[size] = 'A';
    malloc_usable_size(block);
}
