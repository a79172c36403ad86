/* SPDX-License-Identifier: MIT
 * The header of a freed block is copied over that of a block in use.
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    free(pair.front);
    memcpy(header_of(pair.behind), header_of(pair.front), 8);
    free(pair.behind);
}
