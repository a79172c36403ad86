/* SPDX-License-Identifier: MIT
 * Size and seal are raised by what they differ in between blocks of these sizes in another
 * process.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    header_of(pair.front)[7] += 4;
    *(unsigned *)header_of(pair.front) += 2 * 0x9e370000u;
    free(pair.front);
    expect_never_given(pair.behind, size, size + 32);
}
