/* SPDX-License-Identifier: MIT
 * A byte before the start, found by free_sized.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    block[-1] = 'A';
    free_sized(block, size);
}
