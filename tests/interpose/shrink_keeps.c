/* SPDX-License-Identifier: MIT
 * What a realloc that shrinks keeps is at most a quarter, for blocks of every size, and a program
 * that cuts many buffers to what it used has little more resident than that. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/resident.h"

#define MIB ((size_t)1 << 20)

/* Bytes of all blocks that are cut to one size. */
#define LIVE (24 * MIB)

static int keeps_little(size_t from, size_t to)
{
    char *block = malloc(from);
    memset(block, 1, from);
    block = realloc(block, to);
    size_t kept = malloc_usable_size(block);
    int good = kept <= to + to / 4 + 32 && block[0] == 1 && block[to - 1] == 1;
    if (!good) {
        fprintf(stderr, "%zu cut to %zu keeps %zu\n", from, to, kept);
    }
    free(block);
    return good;
}

static int stays_small(size_t from, size_t to)
{
    size_t count = LIVE / to;
    char **blocks = malloc(count * sizeof(*blocks));
    memset(blocks, 1, count * sizeof(*blocks));
    size_t before = resident();
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(from);
        memset(blocks[i], 1, from);
        blocks[i] = realloc(blocks[i], to);
    }
    size_t used = resident() - before;
    for (size_t i = 0; i < count; i++) {
        free(blocks[i]);
    }
    free(blocks);
    if (used > LIVE + LIVE / 4) {
        fprintf(stderr, "%zu cut to %zu: %zu of %zu\n", from, to, used, LIVE);
    }
    return used <= LIVE + LIVE / 4;
}

int main(void)
{
    int good = 1;
    for (size_t from = 100; from < 300000; from += from / 3) {
        for (size_t to = from / 8; to < from; to += from / 8) {
            good &= keeps_little(from, to);
        }
    }
    for (size_t from = 600; from < 60000; from = from * 3 / 2) {
        good &= stays_small(from, from / 2 + 24);
    }
    return !good;
}
