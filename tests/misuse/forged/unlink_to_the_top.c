/* SPDX-License-Identifier: MIT
 * The link of a free block leads to the unused end of the heap.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    *(char **)block = (char *)sbrk(0) - 4096 - 8;
    malloc(size);
}
