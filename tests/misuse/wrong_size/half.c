/* SPDX-License-Identifier: MIT
 * free_sized with half the size.
 * Sizes: medium
 * Not caught: realloc leaves a block up to twice as large as needed where it is, and alignment
 * rounds up; a flag in the header that says so would let the others be told exactly. */
#include "../misuse.h"

void misuse(size_t size)
{
    free_sized(neighbours(size).front, size / 2);
}
