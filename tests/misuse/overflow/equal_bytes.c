/* SPDX-License-Identifier: MIT
 * Past the end with the bytes that are there.
 * Sizes: small medium large
 * Not caught: nothing has changed; a byte chosen at random hits the guard's by chance once in 256.
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memcpy(block + size, block + size, 8);
    block[size] += 0;
    free(block);
}
