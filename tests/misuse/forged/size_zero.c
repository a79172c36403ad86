/* SPDX-License-Identifier: MIT
 * The size becomes 0.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memset(header_of(pair.front) + 5, 0, 3);
    free(pair.front);
}
