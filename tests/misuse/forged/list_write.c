/* SPDX-License-Identifier: MIT
 * The link of a free block is made so that listing another behind it would write to the program's
 * pointer.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc_trim)
 * Says large: write after free, links of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

static void *list_target[8];

void misuse(size_t size)
{
    struct pair first = neighbours(size), second = neighbours(size);
    free(first.front);
    empty_caches();
    *(void **)first.front = &list_target[1];
    free(second.front);
    empty_caches();
}
