/* SPDX-License-Identifier: MIT
 * A thread-local array is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

static _Thread_local long own_array[32];

void misuse(size_t size)
{
    free(own_array);
}
