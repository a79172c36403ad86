/* SPDX-License-Identifier: MIT
 * The mapped block's address range belongs to somebody else now.
 * Sizes: mapped
 * Says: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    mmap(block - 16, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    free(block);
}
