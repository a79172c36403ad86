/* SPDX-License-Identifier: MIT
 * A loop that runs up to and including the length.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    int *block = (int *)neighbours(size).front;
    for (size_t i = 0; i <= size / sizeof *block; i++)
        block[i] = -1;
    free(block);
}
