/* SPDX-License-Identifier: MIT
 * Another thread frees the block again.
 * Sizes: small medium mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

static void *release_elsewhere(void *block)
{
    free(block);
    return NULL;
}

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    in_thread(release_elsewhere, block);
}
