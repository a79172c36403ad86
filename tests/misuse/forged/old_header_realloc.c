/* SPDX-License-Identifier: MIT
 * The header that a block had in use is written back after it coalesced with the one in front, and
 * realloc gets the block.
 * Sizes: small medium large
 * Says: use of a freed block at ADDRESS (block of N bytes, called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned char header[8];
    memcpy(header, header_of(pair.behind), 8);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    memcpy(header_of(pair.behind), header, 8);
    realloc(pair.behind, size / 2);
}
