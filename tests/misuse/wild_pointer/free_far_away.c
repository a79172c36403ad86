/* SPDX-License-Identifier: MIT
 * An address that nothing lies at is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    free((char *)0x123456789a0);
}
