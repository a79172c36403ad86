/* SPDX-License-Identifier: MIT
 * An address in the unused end of the heap is freed.
 * Sizes: small medium large
 * Says: pointer into free memory, freed before or never the start of a block at ADDRESS (called
 * from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    neighbours(size);
    free((char *)((uintptr_t)sbrk(0) & ~(uintptr_t)15) - 4096);
}
