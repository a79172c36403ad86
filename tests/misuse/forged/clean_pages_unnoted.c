/* SPDX-License-Identifier: MIT
 * A free block no longer says that pages of it were given back.
 * Sizes: large
 * Not caught: the pages go back once more, or are cleared once more; nothing else. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    header_of(block)[4] &= ~0x20;
    memset(malloc(size), 1, size);
}
