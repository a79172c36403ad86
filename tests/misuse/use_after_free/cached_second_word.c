/* SPDX-License-Identifier: MIT
 * The second word of a cached block is written to.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    size_t *block = (size_t *)neighbours(size).front;
    free(block);
    block[1] = 0x4141414141414141;
    malloc(size);
}
