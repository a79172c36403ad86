/* SPDX-License-Identifier: MIT
 * A counter in a cached block is counted up.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    size_t *block = (size_t *)neighbours(size).front;
    free(block);
    ++*block;
    malloc(size);
}
