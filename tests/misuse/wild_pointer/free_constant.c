/* SPDX-License-Identifier: MIT
 * A string constant is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    free((char *)"a constant of more than sixteen bytes");
}
