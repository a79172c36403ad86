/* SPDX-License-Identifier: MIT
 * The byte in front of a block is written that borders the guard behind it; found by free.
 * Options: guard_sample:1
 * Sizes: guarded
 * Says: write before the start, canary overwritten at ADDRESS (block of N bytes, called from free)
 * Stacks: allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = guarded_block(size, BORDER_AT_END);
    block[-1] = 0;
    free(block);
}
