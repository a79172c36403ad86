/* SPDX-License-Identifier: MIT
 * Past the end of an aligned block.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = aligned_alloc(4096, size);
    neighbours(size);
    block[malloc_usable_size(block)] = 'A';
    free(block);
}
