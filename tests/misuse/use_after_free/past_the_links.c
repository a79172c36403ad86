/* SPDX-License-Identifier: MIT
 * The third word of a free block.
 * Sizes: medium large
 * Not caught: only the links and the tag are verified; to see every write, a free would have to
 * fill the block and a malloc to read it, which costs as much as clearing it twice. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    block[16] = 'A';
    block[size - 9] = 'A';
    malloc(size);
}
