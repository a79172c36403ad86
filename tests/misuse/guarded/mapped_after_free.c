/* SPDX-License-Identifier: MIT
 * A mapped block in quarantine is written to.
 * Options: hardened:true
 * Sizes: mapped
 * Says: segmentation fault: write after free of a mapped block at ADDRESS (block of N bytes, called
 * from PLACE)
 * Stacks: touched */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    free((void *)block);
    block[size - 1] = 'A';
}
