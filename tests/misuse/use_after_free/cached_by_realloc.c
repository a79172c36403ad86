/* SPDX-License-Identifier: MIT
 * A pointer that realloc has made invalid is written through.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    realloc(block, 4 * size);
    memset(block, 'A', size);
    malloc(size);
}
