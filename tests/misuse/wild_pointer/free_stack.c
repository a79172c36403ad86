/* SPDX-License-Identifier: MIT
 * An array on the stack is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    long array[16] = {0};
    free(&array[4]);
}
