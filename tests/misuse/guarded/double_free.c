/* SPDX-License-Identifier: MIT
 * A block is freed twice.
 * Options: guard_sample:1
 * Sizes: guarded small page
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Stacks: allocated freed */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    free(block);
}
