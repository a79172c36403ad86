/* SPDX-License-Identifier: MIT
 * A byte past the end of what a block of no bytes may use.
 * Says: write past the end, next header overwritten at ADDRESS (block of NUMBER bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(0);
    block[malloc_usable_size(block)] = 'A';
    free(block);
}
