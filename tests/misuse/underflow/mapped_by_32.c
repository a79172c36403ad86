/* SPDX-License-Identifier: MIT
 * More than there is before the start of a mapped block, below which nothing lies.
 * Sizes: mapped
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    char *lowest = neighbours(size).front;
    for (int i = 0; i < 64; i++)
        lowest = malloc(size);
    munmap(lowest - 16 - 4096 * 16, 4096 * 16);
    memset(lowest - 32, 'A', 32);
}
