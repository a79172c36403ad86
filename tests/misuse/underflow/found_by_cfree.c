/* SPDX-License-Identifier: MIT
 * A byte before the start, found by cfree.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from cfree) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    block[-1] = 'A';
    cfree(block);
}
