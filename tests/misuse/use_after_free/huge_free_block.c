/* SPDX-License-Identifier: MIT
 * The size that a free block of 128 MiB and more has in its payload.
 * Says: write after free, links of a free block overwritten at ADDRESS (called from brkmalloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    static char *blocks[6];
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    for (int i = 0; i < 6; i++)
        blocks[i] = malloc(30 << 20);
    for (int i = 0; i < 5; i++)
        free(blocks[i]);
    ((size_t *)blocks[0])[2] = 0x4141414141414140;
    malloc(20 << 20);
}
