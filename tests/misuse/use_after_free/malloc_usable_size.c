/* SPDX-License-Identifier: MIT
 * A freed block is given to malloc_usable_size.
 * Sizes: small medium large mapped
 * Says: use of a freed block at ADDRESS (block of N bytes, called from malloc_usable_size)
 * Says mapped: use of a freed block at ADDRESS (called from malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    malloc_usable_size(block);
}
