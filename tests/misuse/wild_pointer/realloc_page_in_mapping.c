/* SPDX-License-Identifier: MIT
 * The second page of a mapped block, with the offset that blocks have there is given to realloc.
 * Sizes: mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    realloc(block + 4096, 2 * size);
}
