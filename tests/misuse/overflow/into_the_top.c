/* SPDX-License-Identifier: MIT
 * Past the end of the last block into the unused end of the heap.
 * Sizes: large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *block = malloc(size);
    memset(block + size, 'A', 8);
    free(block);
}
