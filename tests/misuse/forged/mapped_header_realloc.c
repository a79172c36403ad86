/* SPDX-License-Identifier: MIT
 * The header of a mapped block is overwritten, and realloc is asked for more.
 * Sizes: mapped
 * Says: header overwritten at ADDRESS (block of NUMBER bytes, called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    header_of(block)[2] ^= 1;
    realloc(block, 2 * size);
}
