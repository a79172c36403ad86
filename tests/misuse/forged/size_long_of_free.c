/* SPDX-License-Identifier: MIT
 * The size of a free block becomes that which sends the reader into the payload.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    memcpy(header_of(block) + 5, "\xff\xff\xfe", 3);
    ((size_t *)block)[2] = 1 << 20;
    malloc(size);
}
