/* SPDX-License-Identifier: MIT
 * Two blocks coalesced and are one block in use, in which the second header is left over. The front
 * one's header from before is written back, and it is freed.
 * Sizes: large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    unsigned char header[8];
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    memcpy(header, header_of(pair.front), 8);
    free(pair.behind);
    free(pair.front);
    char *both = malloc(2 * size + 8);
    memcpy(header_of(both), header, 8);
    free(both);
}
