/* SPDX-License-Identifier: MIT
 * A header copied into a block's payload.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(200);
    memcpy(block + 56, header_of(block), 8);
    memcpy(block + 120, header_of(block), 8);
    free(block + 64);
}
