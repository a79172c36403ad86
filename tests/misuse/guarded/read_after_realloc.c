/* SPDX-License-Identifier: MIT
 * realloc moved the block, and the old pointer is read.
 * Options: guard_sample:1
 * Sizes: guarded
 * Says: segmentation fault: read after free of a guarded block at ADDRESS (block of N bytes, called
 * from PLACE)
 * Stacks: touched allocated freed */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    if (realloc((void *)block, size + 1) == NULL)
        _exit(2);
    (void)block[0];
}
