/* SPDX-License-Identifier: MIT
 * The end of a block, where a header is is freed.
 * Sizes: small medium large
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block + size);
}
