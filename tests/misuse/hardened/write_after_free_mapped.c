/* SPDX-License-Identifier: MIT
 * To a mapped block that was freed.
 * Options: hardened:true
 * Sizes: mapped
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    block[size / 2] = 'A';
}
