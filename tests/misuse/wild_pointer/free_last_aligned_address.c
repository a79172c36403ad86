/* SPDX-License-Identifier: MIT
 * The last aligned address there is is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    free((char *)-16);
}
