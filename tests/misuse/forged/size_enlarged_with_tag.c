/* SPDX-License-Identifier: MIT
 * The size is enlarged, and a header is written where the larger block would end.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.front)[7] += 4;
    memcpy(header_of(pair.behind) + 32, header_of(pair.behind), 8);
    free(pair.front);
    expect_never_given(pair.behind, size, size + 16);
}
