/* SPDX-License-Identifier: MIT
 * The header that a block had in use is written back after the block was freed, and it is freed
 * again.
 * Sizes: small medium
 * Not caught: the header is the true one; the block is in its list twice. A malloc that cleared the
 * check word of the block it gives out would notice when the block comes out again, for one
 * instruction. */
#include "../misuse.h"

void misuse(size_t size)
{
    unsigned char header[8];
    struct pair pair = neighbours(size);
    memcpy(header, header_of(pair.front), 8);
    free(pair.front);
    memcpy(header_of(pair.front), header, 8);
    free(pair.front);
}
