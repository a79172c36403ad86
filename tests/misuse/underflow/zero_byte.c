/* SPDX-License-Identifier: MIT
 * A zero byte before the start.
 * Sizes: small medium
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).behind;
    block[-1] = 0;
    free(block);
}
