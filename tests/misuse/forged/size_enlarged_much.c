/* SPDX-License-Identifier: MIT
 * The size in a block's header is enlarged much; the block is freed so that what is given out next
 * would overlap.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.front)[5] ^= 1;
    free(pair.front);
    empty_caches();
    expect_never_given(pair.behind, size, 2 * size);
}
