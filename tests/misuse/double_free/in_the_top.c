/* SPDX-License-Identifier: MIT
 * The last block of the heap becomes part of its unused end.
 * Sizes: large
 * Says: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *block = malloc(size);
    free(block);
    free(block);
}
