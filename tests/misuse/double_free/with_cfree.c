/* SPDX-License-Identifier: MIT
 * Freed by free, then by cfree.
 * Sizes: small medium large mapped
 * Says: double free at ADDRESS (block of N bytes, called from cfree)
 * Says mapped: double free at ADDRESS (called from cfree) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    cfree(block);
}
