/* SPDX-License-Identifier: MIT
 * A freed block of the heap is given to realloc.
 * Sizes: small medium large
 * Says: use of a freed block at ADDRESS (block of N bytes, called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    realloc(block, 2 * size);
}
