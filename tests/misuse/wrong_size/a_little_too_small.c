/* SPDX-License-Identifier: MIT
 * free_sized with a few bytes less.
 * Sizes: small medium large mapped
 * Not caught: the block has the size that a request for so much gets. */
#include "../misuse.h"

void misuse(size_t size)
{
    free_sized(neighbours(size).front, size - 4);
}
