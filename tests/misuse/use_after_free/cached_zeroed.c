/* SPDX-License-Identifier: MIT
 * A cached block is cleared.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    memset(block, 0, size);
    malloc(size);
}
