/* SPDX-License-Identifier: MIT
 * A free block is said to be a whole region that can be unmapped.
 * Sizes: large
 * Not caught: only a block that ends a region is looked at, and the table of regions counts. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    header_of(block)[4] |= 0x40;
    malloc_trim(0);
    memset(malloc(size), 1, size);
}
