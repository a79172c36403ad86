/* SPDX-License-Identifier: MIT
 * Blocks of other sizes come and go between the two frees.
 * Sizes: small medium
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    for (size_t i = 0; i < 100; i++)
        free(calloc(i, 37));
    free(block);
}
