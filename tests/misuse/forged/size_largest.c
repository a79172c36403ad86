/* SPDX-License-Identifier: MIT
 * The size becomes the largest that a header can tell.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memset(header_of(pair.front) + 5, 0xff, 3);
    free(pair.front);
}
