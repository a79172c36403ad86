/* SPDX-License-Identifier: MIT
 * A block of libc's malloc is freed.
 * Ways: prefixed
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    free(strdup("a block of libc"));
}
