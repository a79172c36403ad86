/* SPDX-License-Identifier: MIT
 * An address one byte behind a block's start is given to malloc_usable_size.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    malloc_usable_size(block + 1);
}
