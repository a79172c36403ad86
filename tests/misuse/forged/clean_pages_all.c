/* SPDX-License-Identifier: MIT
 * The note of the pages of a free block that were given back is made to hold all of it, so that
 * calloc need not clear.
 * Sizes: large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from calloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    ((size_t *)block)[4] = (size_t)block;
    ((size_t *)block)[5] = (size_t)block + size + 8;
    calloc(1, size);
}
