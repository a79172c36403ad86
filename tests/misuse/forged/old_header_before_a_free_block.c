/* SPDX-License-Identifier: MIT
 * The header that a block had in use is written back after it coalesced with the one behind, and it
 * is freed again. What is left of the other header says that there is no boundary.
 * Sizes: small
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned char header[8];
    memcpy(header, header_of(pair.front), 8);
    free(pair.behind);
    free(pair.front);
    empty_caches();
    memcpy(header_of(pair.front), header, 8);
    free(pair.front);
    malloc(size);
}
