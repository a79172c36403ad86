/* SPDX-License-Identifier: MIT
 * An address inside a block is given to malloc_usable_size.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block, 0, size);
    malloc_usable_size(block + 16);
}
