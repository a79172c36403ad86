/* SPDX-License-Identifier: MIT
 * The header that a block had in use is written back after the block was freed, and it is freed
 * again.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc)
 * Says medium: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    unsigned char header[8];
    struct pair pair = neighbours(size);
    memcpy(header, header_of(pair.front), 8);
    free(pair.front);
    memcpy(header_of(pair.front), header, 8);
    free(pair.front);
    malloc(size);
    malloc(size);
}
