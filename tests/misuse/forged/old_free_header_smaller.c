/* SPDX-License-Identifier: MIT
 * A free block gets the header that it had before it coalesced.
 * Sizes: large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned char header[8];
    free(pair.front);
    memcpy(header, header_of(pair.front), 8);
    free(pair.behind);
    memcpy(header_of(pair.front), header, 8);
    malloc(2 * size);
    malloc(size);
}
