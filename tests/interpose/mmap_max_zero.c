/* SPDX-License-Identifier: MIT
 * A program that wants its large blocks in the heap, or has more of them than may be mapped, gets
 * blocks of any size all the same. */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)
#define MAPPED_MOST 3

static int failures;

static void expect(int holds, const char *what, size_t size)
{
    if (!holds) {
        fprintf(stderr, "%s of %zu MiB: wrong\n", what, size / MIB);
        failures++;
    }
}

static void touch_ends(unsigned char *block, size_t size)
{
    if (block != NULL) {
        block[0] = block[size - 1] = 0x5a;
    }
}

static void try_size(size_t size)
{
    size_t larger = size + 20 * MIB;
    unsigned char *plain = malloc(size);
    expect(plain != NULL, "malloc", size);
    touch_ends(plain, size);
    unsigned char *grown = realloc(plain, larger);
    expect(grown != NULL && grown[0] == 0x5a && grown[size - 1] == 0x5a, "realloc", larger);
    touch_ends(grown, larger);
    free(grown);
    unsigned char *zero = calloc(1, larger);
    expect(zero != NULL && zero[0] == 0 && zero[size - 1] == 0 && zero[larger - 1] == 0, "calloc",
           larger);
    free(zero);
    void *aligned = aligned_alloc(2 * MIB, size / (2 * MIB) * (2 * MIB));
    expect(aligned != NULL && (uintptr_t)aligned % (2 * MIB) == 0, "aligned_alloc", size);
    free(aligned);
}

int main(void)
{
    mallopt(M_MMAP_MAX, 0);
    for (size_t size = 65 * MIB; size <= 300 * MIB; size *= 2) {
        try_size(size);
    }
    void *huge = malloc(1100 * MIB);
    expect(huge != NULL, "malloc", 1100 * MIB);
    free(huge);
    expect(mallinfo2().hblks == 0, "mapped blocks", 0);
    mallopt(M_MMAP_MAX, MAPPED_MOST);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    void *blocks[MAPPED_MOST + 2];
    for (size_t i = 0; i < MAPPED_MOST + 2; i++) {
        blocks[i] = malloc((70 + i) * MIB);
        expect(blocks[i] != NULL, "malloc beyond the limit", (70 + i) * MIB);
    }
    expect(mallinfo2().hblks == MAPPED_MOST, "mapped blocks at the limit", 0);
    for (size_t i = 0; i < MAPPED_MOST + 2; i++) {
        free(blocks[i]);
    }
    return failures != 0;
}
