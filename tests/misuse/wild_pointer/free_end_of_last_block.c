/* SPDX-License-Identifier: MIT
 * The address behind the last block is freed: where a block that was the last may have begun.
 * Sizes: large
 * Says: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *block = malloc(size);
    free(block + size + 8);
}
