/* SPDX-License-Identifier: MIT
 * The link of a free block that has one behind says that it is the last.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc_trim)
 * Says large: write after free, links of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    free(one.front);
    free(two.front);
    empty_caches();
    ((char **)one.front)[0] = ((char **)two.front)[0] = NULL;
    malloc(size);
    malloc(size);
    free(two.behind);
    empty_caches();
}
