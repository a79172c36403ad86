/* SPDX-License-Identifier: MIT
 * A block that coalesced is freed again while its memory is part of a block in use.
 * Sizes: large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.behind);
    free(pair.front);
    malloc(2 * size);
    free(pair.behind);
}
