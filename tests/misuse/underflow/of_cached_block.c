/* SPDX-License-Identifier: MIT
 * Before the start of a cached block, found when it was given out and is freed.
 * Sizes: small medium
 * Says: header overwritten at ADDRESS (called from free)
 * Says medium: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    memset(block - 8, 'A', 8);
    free(malloc(size));
}
