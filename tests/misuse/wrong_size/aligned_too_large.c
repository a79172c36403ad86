/* SPDX-License-Identifier: MIT
 * free_aligned_sized with a larger size than the block has.
 * Sizes: small medium large mapped
 * Says: freed with a wrong size at ADDRESS (block of NUMBER bytes, called from free_aligned_sized)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = aligned_alloc(64, size);
    free_aligned_sized(block, 64, malloc_usable_size(block) + 1);
}
