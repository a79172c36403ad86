/* SPDX-License-Identifier: MIT
 * An address that nothing lies at is given to malloc_usable_size.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    malloc_usable_size((char *)0x123456789a0);
}
