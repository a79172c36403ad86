/* SPDX-License-Identifier: MIT
 * A page without a header is freed by another thread, and again by the first.
 * Sizes: page
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

static void *free_it(void *page)
{
    free(page);
    return NULL;
}

void misuse(size_t size)
{
    char *page = aligned_alloc(size, size);
    aligned_alloc(size, size);
    in_thread(free_it, page);
    free(page);
}
