/* SPDX-License-Identifier: MIT
 * An address that no processor can reach is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    free((char *)((uintptr_t)1 << 63));
}
