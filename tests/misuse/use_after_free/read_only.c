/* SPDX-License-Identifier: MIT
 * A freed block is read.
 * Sizes: small medium large
 * Not caught: reads leave no trace; valgrind sees them. */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = neighbours(size).front;
    free((char *)block);
    malloc(block[20] & 15);
}
