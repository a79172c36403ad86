/* SPDX-License-Identifier: MIT
 * Two blocks' headers are exchanged.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned char header[8];
    memcpy(header, header_of(pair.front), 8);
    memcpy(header_of(pair.front), header_of(pair.behind), 8);
    memcpy(header_of(pair.behind), header, 8);
    free(pair.front);
}
