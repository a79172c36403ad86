/* SPDX-License-Identifier: MIT
 * The links of a free block lead to a block on the stack that leads back.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    void *fake[8] __attribute__((aligned(16))) = {0};
    char *block = freed_to_heap(size);
    fake[1] = fake[2] = block - 8;
    *(void **)block = fake;
    malloc(size);
}
