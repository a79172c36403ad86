/* SPDX-License-Identifier: MIT
 * reallocarray to 0 elements freed the block.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    reallocarray(block, 0, 8);
    free(block);
}
