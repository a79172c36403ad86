/* SPDX-License-Identifier: MIT
 * Headers left over from coalescing lie in a block in use. They are linked to each other, and the
 * next header says that the last of them is free.
 * Sizes: large
 * Says: write after free, boundary tag of a free block overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *row[9];
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    for (int i = 0; i < 9; i++)
        row[i] = malloc(size);
    for (int i = 0; i < 4; i++)
        free(row[(int[]){5, 7, 4, 6}[i]]);
    char *taken = malloc(4 * (size + 8) - 8);
    memcpy(row[5], (void *[]){header_of(row[7]), NULL}, 16);
    memcpy(row[7], (void *[]){NULL, header_of(row[5])}, 16);
    *(size_t *)(header_of(row[8]) - 8) = size + 8;
    header_of(row[8])[4] |= 0x80;
    free(row[8]);
    expect_never_given(taken, 4 * size, 2 * size);
}
