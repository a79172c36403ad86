/* SPDX-License-Identifier: MIT
 *
 * Models a program in a steady state, whose objects live for a random time: each thread has `slots`
 * blocks and replaces a random one at a time by another of a random size.
 * Operation: one free and one malloc.
 *   slots=4096         blocks of one thread
 *   least=16 most=515  bytes of a block
 *   skewed=            1: each doubling of the size is equally likely; otherwise each size is */
#include "bench.h"

static size_t slots, least, most;
static bool skewed;

static void work(struct worker *worker)
{
    struct block *blocks = checked(calloc(slots, sizeof(*blocks)));
    for (size_t i = 0; i < worker->operations; i++) {
        struct random *random = &worker->random;
        size_t slot = random_below(random, slots);
        size_t size =
            skewed ? random_skewed(random, least, most) : random_between(random, least, most);
        replace(&blocks[slot], size);
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
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 1);
    slots = argument("slots", 4096);
    least = argument("least", 16);
    most = argument("most", 515);
    skewed = text_argument("skewed") != NULL;
    arguments_end();
    run_workers(threads, operations, work, NULL);
    return 0;
}
