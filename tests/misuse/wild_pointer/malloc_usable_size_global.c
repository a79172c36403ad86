/* SPDX-License-Identifier: MIT
 * A global array is given to malloc_usable_size.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

static long asked_array[32];

void misuse(size_t size)
{
    malloc_usable_size(asked_array);
}
