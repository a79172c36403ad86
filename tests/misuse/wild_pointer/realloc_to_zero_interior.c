/* SPDX-License-Identifier: MIT
 * An address inside a block is given to realloc with size 0.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block, 0, size);
    realloc(block + 16, 0);
}
