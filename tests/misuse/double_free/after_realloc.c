/* SPDX-License-Identifier: MIT
 * realloc moved the block, and the old pointer is freed.
 * Sizes: small medium large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    realloc(block, 4 * size);
    free(block);
}
