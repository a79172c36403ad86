/* SPDX-License-Identifier: MIT
 * Past the end of the last block, and the next one is cut where the write was.
 * Sizes: large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *block = malloc(size);
    memset(block + size, 'A', 8);
    malloc(size);
}
