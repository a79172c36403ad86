/* SPDX-License-Identifier: MIT
 * The first block of the heap is said to have a free block in front.
 * Sizes: large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *first = malloc(size);
    header_of(first)[4] |= 0x80;
    free(first);
}
