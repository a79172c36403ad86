/* SPDX-License-Identifier: MIT
 * A header no longer says that the block in front is free; then that is taken.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    empty_caches();
    header_of(pair.behind)[4] &= ~0x80;
    malloc(size);
}
