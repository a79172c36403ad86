/* SPDX-License-Identifier: MIT
 * realloc to 0 bytes freed the block.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    realloc(block, 0);
    free(block);
}
