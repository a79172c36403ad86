/* SPDX-License-Identifier: MIT
 * As coalesced_behind; its header goes back to the system with the pages around it.
 * Sizes: large
 * Says: pointer into free memory, freed before or never the start of a block at ADDRESS (called
 * from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    free(pair.behind);
}
