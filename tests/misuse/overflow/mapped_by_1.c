/* SPDX-License-Identifier: MIT
 * 1 byte past the end of a mapped block, found when it is freed.
 * Sizes: mapped
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block + size, 'A', 1);
    free(block);
}
