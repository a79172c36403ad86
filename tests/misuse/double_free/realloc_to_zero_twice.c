/* SPDX-License-Identifier: MIT
 * realloc to 0 bytes, twice.
 * Sizes: small medium large mapped
 * Says: use of a freed block at ADDRESS (block of N bytes, called from realloc)
 * Says mapped: use of a freed block at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    realloc(block, 0);
    realloc(block, 0);
}
