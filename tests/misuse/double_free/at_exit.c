/* SPDX-License-Identifier: MIT
 * A handler that runs at exit frees the block again.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

static char *block;

static void release_at_exit(void)
{
    free(block);
}

void misuse(size_t size)
{
    block = neighbours(size).front;
    free(block);
    atexit(release_at_exit);
}
