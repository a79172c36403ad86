/* SPDX-License-Identifier: MIT
 * An aligned block is freed twice.
 * Sizes: small medium large
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = aligned_alloc(4096, size);
    neighbours(size);
    free(block);
    free(block);
}
