/* SPDX-License-Identifier: MIT
 *
 * Models tables that must begin empty: as replace.c, but with calloc, and each block is read before
 * it is written.
 * Operation: one free and one calloc.
 *   slots=1024
 *   least=16 most=131072   bytes of a block; each doubling is equally likely */
#include "steady.h"

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

static struct block make(struct random *random)
{
    size_t count = random_skewed(random, steady.least, steady.most) / 8;
    struct block block = {checked(calloc(count, 8)), count * 8};
    read_zeroes(block.memory, block.size);
    memset(block.memory, (int)(block.size & 0xff), block.size);
    return block;
}

static void work(struct worker *worker)
{
    steady_work(worker, make);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    steady_arguments((struct steady){
        .operations = 100000, .threads = 1, .slots = 1024, .least = 16, .most = 128 * KIB});
    arguments_end();
    if (steady.least < 8) {
        fprintf(stderr, "least: a block has at least 8 bytes\n");
        return 2;
    }
    steady_run(work);
    return 0;
}
