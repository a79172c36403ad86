/* SPDX-License-Identifier: MIT
 * An address one byte behind a block's start is freed.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block + 1);
}
