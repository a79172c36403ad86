/* SPDX-License-Identifier: MIT
 * The header of a free block is written over that of a block in use.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    struct pair pair = neighbours(2 * size);
    memcpy(header_of(pair.front), header_of(block), 8);
    free(pair.front);
}
