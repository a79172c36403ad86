/* SPDX-License-Identifier: MIT
 * Reads past the end.
 * Sizes: small medium large
 * Not caught: reads leave no trace; valgrind sees them. */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = neighbours(size).front;
    char sum = 0;
    for (size_t i = 0; i < 32; i++)
        sum += block[size + i];
    free((char *)block);
}
