/* SPDX-License-Identifier: MIT
 * The second page of a mapped block, with the offset that blocks have there is given to
 * malloc_usable_size.
 * Sizes: mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    malloc_usable_size(block + 4096);
}
