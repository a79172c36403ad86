/* SPDX-License-Identifier: MIT
 * The end of a block is freed, which is a guard's start.
 * Options: guard_sample:1
 * Sizes: guarded page
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free)
 * Stacks: allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = guarded_block(size, BORDER_AT_END);
    free(block + size);
}
