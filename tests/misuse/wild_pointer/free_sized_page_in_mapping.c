/* SPDX-License-Identifier: MIT
 * The second page of a mapped block, with the offset that blocks have there is given to free_sized.
 * Sizes: mapped
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free_sized(block + 4096, size);
}
