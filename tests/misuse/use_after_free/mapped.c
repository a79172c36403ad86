/* SPDX-License-Identifier: MIT
 * A mapped block is written to after it was freed.
 * Sizes: mapped
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    memset(block, 'A', size);
}
