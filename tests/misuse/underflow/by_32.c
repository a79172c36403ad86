/* SPDX-License-Identifier: MIT
 * 32 bytes before the start.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    memset(block - 32, 'A', 32);
    free(block);
}
