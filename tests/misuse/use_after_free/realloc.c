/* SPDX-License-Identifier: MIT
 * A freed block is given to realloc.
 * Sizes: small medium large mapped
 * Says: use of a freed block at ADDRESS (block of N bytes, called from realloc)
 * Says mapped: use of a freed block at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    realloc(block, 2 * size);
}
