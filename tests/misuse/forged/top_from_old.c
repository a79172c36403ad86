/* SPDX-License-Identifier: MIT
 * The unused end of the heap gets the header of a block in use.
 * Sizes: large
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *last = malloc(size);
    memcpy(last + size, header_of(last), 8);
    malloc(size);
}
