/* SPDX-License-Identifier: MIT
 * A header is copied into memory that the program took with sbrk.
 * Sizes: small
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size), *foreign = sbrk(4096);
    malloc(1 << 17);
    malloc(1 << 17);
    malloc(1 << 17);
    memcpy(foreign + 8, header_of(block), 8);
    free(foreign + 16);
}
