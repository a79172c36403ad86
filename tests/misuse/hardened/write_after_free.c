/* SPDX-License-Identifier: MIT
 * To a block that was just freed: the next call notices.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large
 * Says: write after free, bytes of a freed block changed at ADDRESS (block of NUMBER bytes,
 * called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    block[20] = 'A';
    free(malloc(64));
}
