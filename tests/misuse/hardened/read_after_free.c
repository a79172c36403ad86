/* SPDX-License-Identifier: MIT
 * From a freed block, which holds nothing any more.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large
 * Not caught: it is harmless there. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    memset(block, 'A', size);
    free(block);
    for (size_t i = 0; i < size; i++) {
        if (((volatile char *)block)[i] != 0) {
            _exit(2);
        }
    }
}
