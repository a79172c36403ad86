/* SPDX-License-Identifier: MIT
 * A thread frees the block and ends, another frees it again.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

static void *release_and_end(void *block)
{
    free(block);
    return NULL;
}

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    in_thread(release_and_end, block);
    free(block);
}
