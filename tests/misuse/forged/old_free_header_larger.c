/* SPDX-License-Identifier: MIT
 * A free block gets the header that it had when it was larger; another takes the rest.
 * Sizes: large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    struct pair pair = neighbours(2 * size + 8);
    unsigned char header[8];
    free(pair.front);
    memcpy(header, header_of(pair.front), 8);
    char *part = malloc(size), *rest = malloc(size);
    *(size_t *)(header_of(pair.behind) - 8) = 2 * size + 16;
    free(part);
    memcpy(header_of(part), header, 8);
    expect_never_given(rest, size, size);
}
