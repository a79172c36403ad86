/* SPDX-License-Identifier: MIT
 * The first byte of a block of no bytes is written.
 * Options: hardened:true
 * Sizes: none
 * Says: segmentation fault: write in a block of 0 bytes at ADDRESS (called from PLACE)
 * Stacks: touched */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    block[0] = 'A';
}
