/* SPDX-License-Identifier: MIT
 * An address one byte behind a block's start is given to free_sized.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free_sized(block + 1, size);
}
