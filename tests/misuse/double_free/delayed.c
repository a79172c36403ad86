/* SPDX-License-Identifier: MIT
 * Others are freed between the two frees of a block.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *blocks[3];
    for (int i = 0; i < 3; i++)
        blocks[i] = neighbours(size).front;
    for (int i = 0; i < 3; i++)
        free(blocks[i]);
    free(blocks[0]);
}
