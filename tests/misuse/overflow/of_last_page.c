/* SPDX-License-Identifier: MIT
 * Past the end of the last page of a row of them, where a header follows.
 * Sizes: page
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *pages[16];
    for (size_t i = 0; i < 16; i++)
        pages[i] = aligned_alloc(size, size);
    memset(pages[15] + size, 'A', 16);
    free(pages[15]);
}
