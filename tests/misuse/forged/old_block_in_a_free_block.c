/* SPDX-License-Identifier: MIT
 * All bytes that a block had in use, with its header, are written back after it coalesced with the
 * ones around; it is freed again.
 * Sizes: small large
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says large: write past the end, next header overwritten at ADDRESS (block of N bytes, called from
 * free) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    char *bytes = malloc(size + 8);
    memcpy(bytes, header_of(pair.front), size + 8);
    free(pair.behind);
    free(pair.front);
    empty_caches();
    memcpy(header_of(pair.front), bytes, size + 8);
    free(pair.front);
}
