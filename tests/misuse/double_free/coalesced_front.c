/* SPDX-License-Identifier: MIT
 * Two neighbours became one free block; the front one is freed again.
 * Sizes: small medium large
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    free(pair.front);
}
