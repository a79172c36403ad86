/* SPDX-License-Identifier: MIT
 * A place inside of a page without a header is freed.
 * Sizes: page
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *page = aligned_alloc(size, size);
    memset(page, 1, size);
    free(page + 64);
}
