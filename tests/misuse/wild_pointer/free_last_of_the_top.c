/* SPDX-License-Identifier: MIT
 * The last address below the break is freed.
 * Says: pointer into free memory, freed before or never the start of a block at ADDRESS (called
 * from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    malloc(size);
    free((char *)((uintptr_t)sbrk(0) & ~(uintptr_t)15) - 16);
}
