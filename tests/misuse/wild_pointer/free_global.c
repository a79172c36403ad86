/* SPDX-License-Identifier: MIT
 * A global array is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

static long global_array[32];

void misuse(size_t size)
{
    free(global_array);
}
