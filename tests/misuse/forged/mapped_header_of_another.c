/* SPDX-License-Identifier: MIT
 * A mapped block gets the header of another.
 * Sizes: mapped
 * Says: header overwritten at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *one = malloc(size), *two = malloc(size);
    memcpy(header_of(one), header_of(two), 8);
    free(one);
}
