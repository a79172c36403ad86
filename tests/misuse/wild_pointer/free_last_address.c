/* SPDX-License-Identifier: MIT
 * The last address there is, as (void *)-1 is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    free((char *)-1);
}
