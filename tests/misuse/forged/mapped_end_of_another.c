/* SPDX-License-Identifier: MIT
 * A mapped block gets the end of another.
 * Sizes: mapped
 * Says: write past the end, next header overwritten at ADDRESS (block of NUMBER bytes, called
 * from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *one = malloc(size), *two = malloc(size);
    memcpy(one + size, two + size, 8);
    free(one);
}
