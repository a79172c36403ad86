/* SPDX-License-Identifier: MIT
 * An address inside a block is given to free_aligned_sized.
 * Sizes: small medium large mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * free_aligned_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block, 0, size);
    free_aligned_sized(block + 16, 16, size);
}
