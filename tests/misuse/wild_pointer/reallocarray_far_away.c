/* SPDX-License-Identifier: MIT
 * An address that nothing lies at is given to reallocarray.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    reallocarray((char *)0x123456789a0, size, 2);
}
