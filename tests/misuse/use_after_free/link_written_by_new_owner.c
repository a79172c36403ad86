/* SPDX-License-Identifier: MIT
 * Somebody who was given a freed block again writes to it; the first owner frees it, and both go
 * on.
 * Sizes: small medium large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    char *again = malloc(size);
    memset(again, 0x41, size);
    free(pair.front);
    free(again);
}
