/* SPDX-License-Identifier: MIT
 * 1 byte past the end, found when the block is freed.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block + size, 'A', 1);
    free(block);
}
