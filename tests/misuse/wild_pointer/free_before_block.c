/* SPDX-License-Identifier: MIT
 * An address in front of the first block is freed.
 * Sizes: small medium mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block - 16);
}
