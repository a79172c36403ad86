/* SPDX-License-Identifier: MIT
 * The link of a cached block leads to a block in use.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *target = malloc(5000);
    char *block = neighbours(size).front;
    free(block);
    *(void **)block = target;
    expect_never_given(target, 5000, size);
}
