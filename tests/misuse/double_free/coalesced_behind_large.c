/* SPDX-License-Identifier: MIT
 * As coalesced_behind; its header goes back to the system with the pages around it.
 * Sizes: large
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    free(pair.behind);
}
