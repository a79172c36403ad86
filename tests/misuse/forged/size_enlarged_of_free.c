/* SPDX-License-Identifier: MIT
 * The size of a free block of the heap is enlarged over its neighbour.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    empty_caches();
    header_of(pair.front)[7] += 4;
    expect_never_given(pair.behind, size, size);
}
