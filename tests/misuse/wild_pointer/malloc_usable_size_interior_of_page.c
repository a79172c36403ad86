/* SPDX-License-Identifier: MIT
 * The size of a place inside of a page without a header is asked for.
 * Sizes: page
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *page = aligned_alloc(size, size);
    memset(page, 1, size);
    malloc_usable_size(page + 1024);
}
