/* SPDX-License-Identifier: MIT
 * An address one byte behind a block's start is given to realloc.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    realloc(block + 1, 2 * size);
}
