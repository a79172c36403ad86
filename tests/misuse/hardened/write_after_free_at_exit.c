/* SPDX-License-Identifier: MIT
 * To the end of a freed block, which is noticed at exit.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large
 * Says: write after free, bytes of a freed block changed at ADDRESS (block of NUMBER bytes,
 * called from exit) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    block[size - 1] = 'A';
}
