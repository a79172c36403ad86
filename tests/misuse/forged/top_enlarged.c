/* SPDX-License-Identifier: MIT
 * The header of the heap's unused end is overwritten, as if all memory belonged to it.
 * Sizes: large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *block = malloc(size);
    memset(block + size, 0xff, 8);
    malloc(size);
}
