/* SPDX-License-Identifier: MIT
 * While memory is filled, a freed block is written to, and others of another size are freed.
 * Options: perturb:42
 * Sizes: small medium
 * Says: write after free, bytes of a freed block changed at ADDRESS (block of NUMBER bytes, called
 * from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    memset(block, 'A', size);
    for (size_t i = 0; i < 100; i++) {
        free(malloc(size + 16 * i + 100));
    }
}
