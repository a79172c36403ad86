/* SPDX-License-Identifier: MIT
 *
 * Models tables that must begin empty: as replace.c, but with calloc, and each block is read before
 * it is written.
 * Operation: one free and one calloc.
 *   slots=1024
 *   least=16 most=131072   bytes of a block; each doubling is equally likely */
#include "bench.h"

static size_t slots, least, most;

static void read_zeroes(const void *memory, size_t size)
{
    const volatile unsigned char *bytes = memory;
    unsigned char found = 0;
    for (size_t i = 0; i < size; i += LINE) {
        found |= bytes[i];
    }
    if (found != 0 || bytes[size - 1] != 0) {
        fail("calloc gave memory that is not zero");
    }
}

static void work(struct worker *worker)
{
    struct block *blocks = checked(calloc(slots, sizeof(*blocks)));
    for (size_t i = 0; i < worker->operations; i++) {
        struct block *block = &blocks[random_below(&worker->random, slots)];
        size_t count = random_skewed(&worker->random, least, most) / 8;
        release(block);
        *block = (struct block){checked(calloc(count, 8)), count * 8};
        read_zeroes(block->memory, block->size);
        memset(block->memory, (int)(block->size & 0xff), block->size);
        worker->done++;
    }
    for (size_t i = 0; i < slots; i++) {
        release(&blocks[i]);
    }
    free(blocks);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 100000);
    size_t threads = argument("threads", 1);
    slots = argument("slots", 1024);
    least = argument("least", 16);
    most = argument("most", 128 * KIB);
    arguments_end();
    if (least < 8) {
        fprintf(stderr, "least: a block has at least 8 bytes\n");
        return 2;
    }
    run_workers(threads, operations, work, NULL);
    return 0;
}
