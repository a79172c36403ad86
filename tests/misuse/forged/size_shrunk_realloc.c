/* SPDX-License-Identifier: MIT
 * The size is shrunk, and realloc is asked for more.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.front)[7] -= 2;
    realloc(pair.front, 4 * size);
}
