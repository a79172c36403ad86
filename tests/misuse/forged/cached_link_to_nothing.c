/* SPDX-License-Identifier: MIT
 * The link of a cached block leads to NULL.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    *(void **)block = NULL;
    expect_never_given(NULL, 0, size);
}
