/* SPDX-License-Identifier: MIT
 * A page without a header is freed twice.
 * Sizes: page
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *pages[3];
    for (size_t i = 0; i < 3; i++)
        pages[i] = aligned_alloc(size, size);
    free(pages[1]);
    free(pages[1]);
}
