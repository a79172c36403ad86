/* SPDX-License-Identifier: MIT
 * A header no longer says that the block in front is free.
 * Sizes: small medium large
 * Not caught: the two free blocks stay apart, which does no harm; brkm_check_heap() finds it. */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    empty_caches();
    header_of(pair.behind)[4] &= ~1;
    free(pair.behind);
    empty_caches();
}
