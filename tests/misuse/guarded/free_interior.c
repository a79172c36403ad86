/* SPDX-License-Identifier: MIT
 * A pointer into the block is freed.
 * Options: guard_sample:1
 * Sizes: guarded small page
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free)
 * Stacks: allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block + 16);
}
