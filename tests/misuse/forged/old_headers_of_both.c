/* SPDX-License-Identifier: MIT
 * The headers that two neighbours had in use are written back after they coalesced, and the front
 * one is freed again.
 * Sizes: small
 * Not caught: the next header that would tell is an old one, too; a record of each block apart from
 * it would, at a cost for every malloc and free, as in the hardened mode. The memory may then be
 * handed out twice. */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned char front[8], behind[8];
    memcpy(front, header_of(pair.front), 8);
    memcpy(behind, header_of(pair.behind), 8);
    free(pair.front);
    free(pair.behind);
    empty_caches();
    memcpy(header_of(pair.front), front, 8);
    memcpy(header_of(pair.behind), behind, 8);
    free(pair.front);
    malloc(size);
}
