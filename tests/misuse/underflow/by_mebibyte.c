/* SPDX-License-Identifier: MIT
 * A mebibyte before the start, over blocks in front.
 * Sizes: small medium large
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    for (int i = 0; i < 20; i++)
        malloc(100000);
    char *block = neighbours(size).behind;
    memset(block - MIB, 'A', MIB);
    free(block);
}
