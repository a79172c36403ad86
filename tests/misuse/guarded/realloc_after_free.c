/* SPDX-License-Identifier: MIT
 * A freed block is resized.
 * Options: guard_sample:1
 * Sizes: guarded small page
 * Says: use of a freed block at ADDRESS (block of N bytes, called from realloc)
 * Stacks: allocated freed */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    free(realloc(block, size * 2));
}
