/* SPDX-License-Identifier: MIT
 * Two blocks became one; the header that the one in front had in use is written back, and it is
 * freed again.
 * Sizes: small large
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says large: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned char header[8];
    memcpy(header, header_of(pair.front), 8);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    memcpy(header_of(pair.front), header, 8);
    free(pair.front);
}
