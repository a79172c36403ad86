/* SPDX-License-Identifier: MIT
 * A freed block is read.
 * Options: guard_sample:1
 * Sizes: guarded small page
 * Says: segmentation fault: read after free of a guarded block at ADDRESS (block of N bytes, called
 * from PLACE)
 * Stacks: touched allocated freed */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    free((void *)block);
    (void)block[0];
}
