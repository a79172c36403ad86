/* SPDX-License-Identifier: MIT
 * The size of a cached block is enlarged.
 * Sizes: small medium
 * Says: header overwritten at ADDRESS (called from free)
 * Says medium: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    header_of(pair.front)[7] += 4;
    expect_never_given(pair.behind, size, size);
}
