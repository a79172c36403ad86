/* SPDX-License-Identifier: MIT
 * An index is wrong by 1000.
 * Options: guard_sample:1
 * Sizes: guarded
 * Says: segmentation fault: write past the end of a guarded block at ADDRESS (block of N bytes,
 * called from PLACE)
 * Stacks: touched allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = guarded_block(size, BORDER_AT_END);
    block[size + 1000] = 'A';
}
