/* SPDX-License-Identifier: MIT
 * 8 bytes before the start.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    memset(block - 8, 'A', 8);
    free(block);
}
