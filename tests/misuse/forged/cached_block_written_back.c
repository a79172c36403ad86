/* SPDX-License-Identifier: MIT
 * As cached_links_written_back, and the headers of the two blocks are written back as well.
 * Sizes: small
 * Not caught: header, link and check are all as they once were, and right for their addresses; only
 * a record of each block apart from it would tell, at a cost for every malloc and free. The memory
 * may then be handed out twice. */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair one = neighbours(size), two = neighbours(size);
    char first[24], second[24];
    free(one.front);
    free(two.front);
    memcpy(first, header_of(two.front), 24);
    memcpy(second, header_of(one.front), 24);
    malloc(size);
    malloc(size);
    free(two.front);
    memcpy(header_of(one.front), second, 24);
    memcpy(header_of(two.front), first, 24);
    malloc(size);
    malloc(size);
}
