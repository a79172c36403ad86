/* SPDX-License-Identifier: MIT
 * The start of a mapped block's mapping is freed.
 * Sizes: mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block - 16);
}
