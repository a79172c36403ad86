/* SPDX-License-Identifier: MIT
 * A counter in the second word of a block that lies free in the heap is lowered.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    --((long *)block)[1];
    malloc(size);
}
