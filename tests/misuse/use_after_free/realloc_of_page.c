/* SPDX-License-Identifier: MIT
 * A page without a header is resized after it was freed.
 * Sizes: page
 * Says: use of a freed block at ADDRESS (block of N bytes, called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *page = aligned_alloc(size, size);
    aligned_alloc(size, size);
    free(page);
    realloc(page, size / 2);
}
