/* SPDX-License-Identifier: MIT
 * To the end of a freed block, which is noticed before it is used again.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large
 * Says small: write after free, bytes of a freed block changed at ADDRESS (block of NUMBER bytes,
 * called from malloc)
 * Says: write after free, bytes of a freed block changed at ADDRESS (block of NUMBER bytes,
 * called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    block[size - 1] = 'A';
    for (int i = 0; i < 100000; i++) {
        free(malloc(size));
    }
}
