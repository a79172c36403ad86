/* SPDX-License-Identifier: MIT
 * A free block that is not the first of its list has no link backwards.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    free(one.front);
    free(two.front);
    empty_caches();
    ((char **)one.front)[1] = ((char **)two.front)[1] = NULL;
    malloc(size);
}
