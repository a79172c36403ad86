/* SPDX-License-Identifier: MIT
 * A freed block is written to that somebody else has by now.
 * Sizes: small medium large
 * Not caught: the write goes into a block in use, where it may; valgrind sees it. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    char *reused = malloc(size);
    memset(block, 'A', size);
    free(reused);
}
