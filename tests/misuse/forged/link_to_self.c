/* SPDX-License-Identifier: MIT
 * A free block's links lead to itself.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    ((void **)block)[0] = ((void **)block)[1] = block - 8;
    expect_never_given(block, 0, size);
}
