/* SPDX-License-Identifier: MIT
 * The header that a block had in use is written back after it coalesced with the one in front; it
 * is freed again, and both are handed out.
 * Sizes: small
 * Not caught: a header that is right for its address and size carries no date; a record of each
 * block apart from it would, at a cost for every malloc and free. The memory may then be handed
 * out twice. */
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
    free(pair.behind);
    malloc(size);
}
