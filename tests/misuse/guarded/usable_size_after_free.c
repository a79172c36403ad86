/* SPDX-License-Identifier: MIT
 * A freed block is asked for its size.
 * Options: guard_sample:1
 * Sizes: guarded
 * Says: use of a freed block at ADDRESS (block of N bytes, called from malloc_usable_size)
 * Stacks: allocated freed */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    malloc_usable_size(block);
}
