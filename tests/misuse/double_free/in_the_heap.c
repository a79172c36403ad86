/* SPDX-License-Identifier: MIT
 * The freed block went from the cache into the heap.
 * Sizes: small medium large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    free(block);
}
