/* SPDX-License-Identifier: MIT
 * In front of the first page of a row of them, where the row's header is.
 * Sizes: page
 * Says: header overwritten at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *page = aligned_alloc(size, size);
    memset(page - 8, 'A', 8);
    free(page);
}
