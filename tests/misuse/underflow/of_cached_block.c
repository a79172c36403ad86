/* SPDX-License-Identifier: MIT
 * Before the start of a cached block, found when it is to be given out.
 * Sizes: small medium
 * Says: header overwritten at ADDRESS (called from malloc)
 * Says medium: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    memset(block - 8, 'A', 8);
    free(malloc(size));
}
