/* SPDX-License-Identifier: MIT
 * realloc moved a mapped block into the heap, and the old pointer is freed.
 * Sizes: mapped
 * Says: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    realloc(block, 100);
    free(block);
}
