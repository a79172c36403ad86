/* SPDX-License-Identifier: MIT
 * 1 byte before the start of a mapped block.
 * Sizes: mapped
 * Says: header overwritten at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    memset(block - 1, 'A', 1);
    free(block);
}
