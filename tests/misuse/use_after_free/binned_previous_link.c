/* SPDX-License-Identifier: MIT
 * The second word of a free block of the heap.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    size_t *block = (size_t *)freed_to_heap(size);
    block[1] = 0x4141414141414141;
    malloc(size);
}
