/* SPDX-License-Identifier: MIT
 * Memory that the program got from sbrk itself is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    malloc(size);
    char *mine = sbrk(65536);
    for (int i = 0; i < 64; i++)
        malloc(65536);
    free((char *)(((uintptr_t)mine | 15) + 4097));
}
