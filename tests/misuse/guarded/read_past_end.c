/* SPDX-License-Identifier: MIT
 * The byte behind the end is read.
 * Options: guard_sample:1
 * Sizes: guarded page
 * Says: segmentation fault: read past the end of a guarded block at ADDRESS (block of N bytes,
 * called from PLACE)
 * Stacks: touched allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = guarded_block(size, BORDER_AT_END);
    (void)block[size];
}
