/* SPDX-License-Identifier: MIT
 * The size in a block's header is enlarged, so that realloc would grow over the neighbour.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.front)[7] += 4;
    realloc(pair.front, size + 16);
}
