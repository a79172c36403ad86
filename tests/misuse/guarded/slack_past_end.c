/* SPDX-License-Identifier: MIT
 * A byte is written behind the end that alignment leaves before the guard; found by free.
 * Options: guard_sample:1
 * Sizes: small
 * Says: write past the end, canary overwritten at ADDRESS (block of N bytes, called from free)
 * Stacks: allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    block[size] = 0;
    free(block);
}
