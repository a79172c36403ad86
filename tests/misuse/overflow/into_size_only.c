/* SPDX-License-Identifier: MIT
 * Only the size in the next header is overwritten, and the next block is freed.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free)
 * Says large: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    pair.front[size + 7] ^= 2;
    free(pair.front);
    free(pair.behind);
}
