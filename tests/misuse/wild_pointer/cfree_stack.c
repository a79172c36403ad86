/* SPDX-License-Identifier: MIT
 * An array on the stack is given to cfree.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from cfree) */
#include "../misuse.h"

void misuse(size_t size)
{
    long array[16] = {0};
    cfree(&array[4]);
}
