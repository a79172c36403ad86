/* SPDX-License-Identifier: MIT
 * The header that a block had in use is written back after the heap got the block, whose neighbours
 * are in use, and it is freed again.
 * Sizes: small medium large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    unsigned char header[8];
    memcpy(header, header_of(block), 8);
    free(block);
    empty_caches();
    memcpy(header_of(block), header, 8);
    free(block);
    malloc(size);
}
