/* SPDX-License-Identifier: MIT
 * A header copied into a block's payload, and realloc.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(200);
    memcpy(block + 56, header_of(block), 8);
    realloc(block + 64, 400);
}
