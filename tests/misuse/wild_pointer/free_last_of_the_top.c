/* SPDX-License-Identifier: MIT
 * The last address below the break is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    malloc(size);
    free((char *)((uintptr_t)sbrk(0) & ~(uintptr_t)15) - 16);
}
