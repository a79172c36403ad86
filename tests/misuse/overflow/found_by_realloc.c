/* SPDX-License-Identifier: MIT
 * A byte past the end, found by realloc.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    block[size] = 'A';
    realloc(block, 2 * size);
}
