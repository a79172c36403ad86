/* SPDX-License-Identifier: MIT
 * The links that two cached blocks had are written back to them, after the second was handed out.
 * Sizes: small
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    char first[16], second[16];
    free(one.front);
    free(two.front);
    memcpy(first, two.front, 16);
    memcpy(second, one.front, 16);
    malloc(size);
    malloc(size);
    free(two.front);
    memcpy(one.front, second, 16);
    memcpy(two.front, first, 16);
    malloc(size);
    malloc(size);
}
