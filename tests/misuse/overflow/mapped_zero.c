/* SPDX-License-Identifier: MIT
 * A zero is written over the last byte of the header behind a mapped block.
 * Sizes: mapped
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    block[size + 7] = 0;
    free(block);
}
