/* SPDX-License-Identifier: MIT
 * A counter at the start of a freed block is raised.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    ++*(long *)pair.front;
    malloc(size);
}
