/* SPDX-License-Identifier: MIT
 * The byte in front of the start is read.
 * Options: guard_sample:1
 * Sizes: guarded small
 * Says: segmentation fault: read before the start of a guarded block at ADDRESS (block of N bytes,
 * called from PLACE)
 * Stacks: touched allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = guarded_block(size, BORDER_AT_START);
    (void)block[-1];
}
