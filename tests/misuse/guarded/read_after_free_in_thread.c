/* SPDX-License-Identifier: MIT
 * One thread frees the block, another reads it.
 * Options: guard_sample:1
 * Sizes: guarded
 * Says: segmentation fault: read after free of a guarded block at ADDRESS (block of N bytes, called
 * from PLACE)
 * Stacks: touched allocated freed */
#include "../misuse.h"

static void *release_to_be_read(void *block)
{
    free(block);
    return NULL;
}

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    in_thread(release_to_be_read, (void *)block);
    (void)block[3];
}
