/* SPDX-License-Identifier: MIT
 * The size of a free block is shrunk.
 * Sizes: medium large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    header_of(block)[7] -= 4;
    malloc(size);
}
