/* SPDX-License-Identifier: MIT
 * The unused end of the heap gets the header of the block that was freed into it, which is freed
 * again.
 * Sizes: large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *last = malloc(size);
    unsigned char header[8];
    memcpy(header, header_of(last), 8);
    free(last);
    memcpy(header_of(last), header, 8);
    free(last);
    malloc(size);
    malloc(size);
}
