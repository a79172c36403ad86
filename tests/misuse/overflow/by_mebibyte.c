/* SPDX-License-Identifier: MIT
 * A mebibyte past the end.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    malloc(200000);
    for (int i = 0; i < 20; i++)
        malloc(100000);
    memset(block + size, 'A', MIB);
    free(block);
}
