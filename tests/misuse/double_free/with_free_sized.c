/* SPDX-License-Identifier: MIT
 * Freed by free, then by free_sized.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free_sized)
 * Says mapped: double free at ADDRESS (called from free_sized) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    free_sized(block, size);
}
