/* SPDX-License-Identifier: MIT
 * The size is enlarged before the program asks for it.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.front)[6] += 1;
    malloc_usable_size(pair.front);
}
