/* SPDX-License-Identifier: MIT
 * An unknown flag in a header, found at the latest when the block goes into the heap.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    header_of(block)[4] |= 0x10;
    free(block);
    empty_caches();
}
