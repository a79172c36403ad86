/* SPDX-License-Identifier: MIT
 * A freed block is read after a hundred others were allocated and freed.
 * Options: guard_sample:1
 * Sizes: guarded
 * Says: segmentation fault: read after free of a guarded block at ADDRESS (block of N bytes, called
 * from PLACE)
 * Stacks: touched allocated freed */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    free((void *)block);
    for (int i = 0; i < 100; i++)
        free(malloc(size));
    (void)block[0];
}
