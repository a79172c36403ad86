/* SPDX-License-Identifier: MIT
 * Freed by free_sized, then by free.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from free)
 * Says mapped: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free_sized(block, size);
    free(block);
}
