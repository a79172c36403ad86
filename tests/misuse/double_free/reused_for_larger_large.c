/* SPDX-License-Identifier: MIT
 * The freed large block became part of a larger one, which is in use.
 * Sizes: large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    malloc(2 * size + 8);
    free(pair.behind);
}
