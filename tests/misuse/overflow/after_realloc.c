/* SPDX-License-Identifier: MIT
 * Past the end of a block that realloc moved.
 * Sizes: small medium
 * Says: write past the end, next header overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = realloc(neighbours(size).front, 4 * size);
    neighbours(size);
    block[malloc_usable_size(block)] = 'A';
    free(block);
}
