/* SPDX-License-Identifier: MIT
 * An address that nothing lies at is given to realloc.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    realloc((char *)0x123456789a0, 2 * size);
}
