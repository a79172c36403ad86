/* SPDX-License-Identifier: MIT
 * A zero is written before the start of a mapped block.
 * Sizes: mapped
 * Says: header overwritten at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    block[-1] = 0;
    free(block);
}
