/* SPDX-License-Identifier: MIT
 * A mapped block between guard pages is read a page behind its end.
 * Options: guard_pages:true
 * Sizes: mapped
 * Says: segmentation fault: read past the end of a mapped block at ADDRESS (block of NUMBER bytes,
 * called from PLACE)
 * Stacks: touched */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    (void)block[size + 32];
}
