/* SPDX-License-Identifier: MIT
 * free_sized is told one byte less than was asked for.
 * Options: guard_sample:1
 * Sizes: guarded small
 * Says: freed with a wrong size at ADDRESS (block of N bytes, called from free_sized)
 * Stacks: allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free_sized(block, size - 1);
}
