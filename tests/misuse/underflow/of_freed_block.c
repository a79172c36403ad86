/* SPDX-License-Identifier: MIT
 * Before the start of a block that was freed, found when it is to be given out.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    memset(block - 8, 'A', 8);
    malloc(size);
}
