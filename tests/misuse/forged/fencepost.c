/* SPDX-License-Identifier: MIT
 * The header that ends a region is overwritten, and the block in front of it freed.
 * Sizes: large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *last = malloc(size), *next;
    sbrk(4096);
    while ((next = malloc(size)) == last + size + 8)
        last = next;
    memset(last + size, 0x41, 8);
    free(last);
}
