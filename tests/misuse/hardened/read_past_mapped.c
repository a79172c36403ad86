/* SPDX-License-Identifier: MIT
 * Far past the end of a mapped block, where its guard page is.
 * Options: hardened:true
 * Sizes: mapped
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    char byte = ((volatile char *)block)[size + 64];
    block[0] = byte;
    free(block);
}
