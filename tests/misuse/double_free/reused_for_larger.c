/* SPDX-License-Identifier: MIT
 * The freed block became part of a larger one, which is in use.
 * Sizes: small
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    malloc(2 * size + 8);
    free(pair.behind);
}
