/* SPDX-License-Identifier: MIT
 * Two blocks are freed in turn: first, second, first.
 * Sizes: small medium mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    free(pair.front);
}
