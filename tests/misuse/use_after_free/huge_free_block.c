/* SPDX-License-Identifier: MIT
 * The size that a free block of 4 GiB and more has in its payload.
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    static char *blocks[6];
    mallopt(M_MMAP_MAX, 0);
    for (int i = 0; i < 6; i++)
        blocks[i] = malloc((size_t)1 << 30);
    for (int i = 0; i < 5; i++)
        free(blocks[i]);
    ((size_t *)blocks[0])[2] = 0x4141414141414140;
    malloc(20 << 20);
}
