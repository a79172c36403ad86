/* SPDX-License-Identifier: MIT
 * A block of calloc is freed twice.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *block = calloc(size, 1);
    neighbours(size);
    free(block);
    free(block);
}
