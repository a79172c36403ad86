/* SPDX-License-Identifier: MIT
 * The block in front is said to be free, with its true size.
 * Sizes: small medium large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.behind)[4] |= 0x80;
    ((size_t *)pair.behind)[-2] = size + 8;
    free(pair.behind);
    empty_caches();
    expect_never_given(pair.front, size, size);
}
