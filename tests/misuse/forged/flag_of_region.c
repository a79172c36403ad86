/* SPDX-License-Identifier: MIT
 * The last block of a region, which the program's own sbrk closed, is said to be a whole one that
 * can be unmapped.
 * Sizes: large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *last = malloc(size), *next;
    sbrk(4096);
    while ((next = malloc(size)) == last + size + 8)
        last = next;
    header_of(last)[4] |= 0x40;
    free(last);
    next = last + size + 8;
    malloc_trim(0);
}
