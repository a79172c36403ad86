/* SPDX-License-Identifier: MIT
 * While memory is filled, the header of a freed block is written to, and it is asked for again.
 * Options: perturb:42
 * Sizes: small medium
 * Says: header overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    /* What is left of a free block that was hardly larger belongs to this one. */
    size_t usable = malloc_usable_size(block);
    free(malloc(usable + 100));
    free(block);
    memcpy(block - sizeof(size_t), &(size_t){1}, sizeof(size_t));
    for (int i = 0; i < 100; i++) {
        malloc(usable);
    }
}
