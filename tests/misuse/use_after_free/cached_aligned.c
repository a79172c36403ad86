/* SPDX-License-Identifier: MIT
 * A cached block is written to, found by aligned_alloc.
 * Sizes: small
 * Says: write after free, links of a free block overwritten at ADDRESS (called from aligned_alloc)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    memset(block, 'A', size);
    aligned_alloc(32, size);
}
