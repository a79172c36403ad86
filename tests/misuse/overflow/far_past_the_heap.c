/* SPDX-License-Identifier: MIT
 * A write that runs past the end of the heap.
 * Sizes: small medium large
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    memset(block, 'A', (size_t)1 << 30);
}
