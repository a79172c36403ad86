/* SPDX-License-Identifier: MIT
 * An array on the stack is given to free_sized.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    long array[16] = {0};
    free_sized(&array[4], size);
}
