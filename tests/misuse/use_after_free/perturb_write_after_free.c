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
    /* What is left of a free block that was hardly larger belongs to this one. */
    size_t usable = malloc_usable_size(block);
    free(malloc(usable + 100));
    free(block);
    block[size - 1] = 'A';
    for (int i = 0; i < 100; i++) {
        malloc(usable);
    }
}
