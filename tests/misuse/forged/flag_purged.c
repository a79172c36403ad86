/* SPDX-License-Identifier: MIT
 * A free block is said to have pages that were given back, which the program notes.
 * Sizes: large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from calloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    memset(block + 16, 0, 40);
    ((size_t *)block)[4] = (size_t)block & -4096;
    ((size_t *)block)[5] = ((size_t)block + size) & -4096;
    header_of(block)[4] |= 0x20;
    calloc(1, size);
}
