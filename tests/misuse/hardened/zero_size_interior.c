/* SPDX-License-Identifier: MIT
 * Beside a block of no bytes.
 * Options: hardened:true,guard_sample:0
 * Sizes: small
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    (void)size;
    char *block = malloc(0);
    free(block + 16);
}
