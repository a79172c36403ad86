/* SPDX-License-Identifier: MIT
 * A cached block is written to, found on its way into the heap.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc_trim) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    memset(block, 'A', size);
    empty_caches();
}
