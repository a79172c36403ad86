/* SPDX-License-Identifier: MIT
 * The size becomes that which sends the reader into the payload, where a size stands ready.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    memcpy(header_of(pair.front) + 5, "\xff\xff\xfe", 3);
    ((size_t *)pair.front)[2] = 64;
    free(pair.front);
}
