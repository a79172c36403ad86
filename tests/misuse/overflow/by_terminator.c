/* SPDX-License-Identifier: MIT
 * The zero byte of a string that fills the block.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block, 'x', size);
    block[size] = '\0';
    free(block);
}
