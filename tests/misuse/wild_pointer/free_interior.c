/* SPDX-License-Identifier: MIT
 * An address inside a block is freed.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block, 0, size);
    free(block + 16);
}
