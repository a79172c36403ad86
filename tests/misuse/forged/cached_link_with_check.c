/* SPDX-License-Identifier: MIT
 * A cached block gets link and check word of another cached block.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size), other = neighbours(size);
    free(other.front);
    free(pair.front);
    memcpy(pair.front, other.front, 16);
    expect_never_given(pair.behind, size, size);
}
