/* SPDX-License-Identifier: MIT
 * The header of a block is freed.
 * Sizes: small medium large
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    free(block - 8);
}
