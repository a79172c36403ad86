/* SPDX-License-Identifier: MIT
 * Two threads free the same block, one after the other.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

static void *release_once(void *block)
{
    free(block);
    return NULL;
}

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    in_thread(release_once, block);
    in_thread(release_once, block);
}
