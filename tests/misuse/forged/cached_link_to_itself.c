/* SPDX-License-Identifier: MIT
 * The link of a cached block leads to itself.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    *(void **)block = block;
    expect_never_given(block, 0, size);
}
