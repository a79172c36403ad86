/* SPDX-License-Identifier: MIT
 * While memory is filled, a freed block is written to at its end, and asked for again.
 * Options: perturb:42
 * Sizes: small medium
 * Says: write after free, bytes of a freed block changed at ADDRESS (block of NUMBER bytes, called
 * from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(malloc(size + 100));
    free(block);
    block[size - 1] = 'A';
    for (int i = 0; i < 100; i++) {
        malloc(size);
    }
}
