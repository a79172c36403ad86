/* SPDX-License-Identifier: MIT
 * The break is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    malloc(size);
    free((char *)sbrk(0));
}
