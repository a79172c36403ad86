/* SPDX-License-Identifier: MIT
 * Past the end of a block that realloc shrank in place.
 * Sizes: large
 * Says: write past the end, next header overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = realloc(neighbours(size).front, size / 4);
    block[malloc_usable_size(block)] = 'A';
    free(block);
}
