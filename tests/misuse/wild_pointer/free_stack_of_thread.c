/* SPDX-License-Identifier: MIT
 * The stack of a thread that ended is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

static void *look(void *place)
{
    long array[16] = {0};
    *(long **)place = array;
    return NULL;
}

void misuse(size_t size)
{
    long *array = NULL;
    in_thread(look, &array);
    free(array + 4);
}
