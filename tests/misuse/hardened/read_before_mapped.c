/* SPDX-License-Identifier: MIT
 * Far in front of a mapped block, where its guard page is.
 * Options: hardened:true
 * Sizes: mapped
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    char byte = ((volatile char *)block)[-4096 - 16];
    block[0] = byte;
    free(block);
}
