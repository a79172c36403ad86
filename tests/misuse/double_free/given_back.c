/* SPDX-License-Identifier: MIT
 * The freed block went back to the system with the end of the heap.
 * Sizes: large
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *blocks[50];
    for (int i = 0; i < 50; i++)
        blocks[i] = malloc(size);
    for (int i = 0; i < 50; i++)
        free(blocks[i]);
    free(blocks[49]);
}
