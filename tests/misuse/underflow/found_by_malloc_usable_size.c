/* SPDX-License-Identifier: MIT
 * A byte before the start, found by malloc_usable_size.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    block[-1] = 'A';
    malloc_usable_size(block);
}
