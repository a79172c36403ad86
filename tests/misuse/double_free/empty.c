/* SPDX-License-Identifier: MIT
 * A block of no bytes is freed twice.
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(0);
    free(block);
    free(block);
}
