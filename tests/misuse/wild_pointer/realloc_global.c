/* SPDX-License-Identifier: MIT
 * A global array is given to realloc.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

static long resized_array[32];

void misuse(size_t size)
{
    realloc(resized_array, 2 * size);
}
