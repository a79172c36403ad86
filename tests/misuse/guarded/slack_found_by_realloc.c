/* SPDX-License-Identifier: MIT
 * As slack_past_end, found by realloc.
 * Options: guard_sample:1
 * Sizes: small
 * Says: write past the end, canary overwritten at ADDRESS (block of N bytes, called from realloc)
 * Stacks: allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    block[size] = 0;
    free(realloc(block, 2 * size));
}
