/* SPDX-License-Identifier: MIT
 * An array on the stack is given to realloc.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    long array[16] = {0};
    realloc(&array[4], 2 * size);
}
