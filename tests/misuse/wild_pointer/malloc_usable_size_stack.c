/* SPDX-License-Identifier: MIT
 * An array on the stack is given to malloc_usable_size.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    long array[16] = {0};
    malloc_usable_size(&array[4]);
}
