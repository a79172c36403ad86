/* SPDX-License-Identifier: MIT
 * A mapped block between guard pages is read backwards, past the start of its first page.
 * Options: guard_pages:true,canary:true
 * Sizes: mapped
 * Says: segmentation fault: read before the start of a mapped block at ADDRESS (block of N bytes,
 * called from PLACE)
 * Stacks: touched */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    for (ptrdiff_t i = 0; i < 16384; i += 16)
        (void)block[-i];
}
