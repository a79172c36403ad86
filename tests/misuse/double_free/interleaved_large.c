/* SPDX-License-Identifier: MIT
 * Two neighbours, which become one free block, are freed in turn.
 * Sizes: large
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    free(pair.front);
}
