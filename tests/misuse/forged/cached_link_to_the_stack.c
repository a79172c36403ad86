/* SPDX-License-Identifier: MIT
 * The link of a cached block leads to an array on the stack.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char target[8192] __attribute__((aligned(16))) = {0};
    char *block = neighbours(size).front;
    free(block);
    *(void **)block = target;
    expect_never_given(target, sizeof target, size);
}
