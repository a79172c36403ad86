/* SPDX-License-Identifier: MIT
 * Two neighbours became one free block; the one behind is freed again.
 * Sizes: small
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    free(pair.behind);
}
