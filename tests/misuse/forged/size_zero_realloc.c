/* SPDX-License-Identifier: MIT
 * The size becomes 0, and realloc is asked for more.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memset(header_of(pair.front) + 5, 0, 3);
    realloc(pair.front, 2 * size);
}
