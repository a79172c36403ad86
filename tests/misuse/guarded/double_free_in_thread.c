/* SPDX-License-Identifier: MIT
 * One thread frees the block, then another.
 * Options: guard_sample:1
 * Sizes: guarded
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Stacks: allocated freed */
#include "../misuse.h"

static void *release(void *block)
{
    free(block);
    return NULL;
}

void misuse(size_t size)
{
    char *block = malloc(size);
    in_thread(release, block);
    free(block);
}
