/* SPDX-License-Identifier: MIT
 * 1 byte before the start.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    memset(block - 1, 'A', 1);
    free(block);
}
