/* SPDX-License-Identifier: MIT
 *
 * Models a program in a steady state, whose objects live for a random time: each thread has `slots`
 * blocks and replaces a random one at a time by another of a random size.
 * Operation: one free and one malloc.
 *   slots=4096         blocks of one thread
 *   least=16 most=515  bytes of a block
 *   skewed=            1: each doubling of the size is equally likely; otherwise each size is */
#include "steady.h"

static bool skewed;

static struct block make(struct random *random)
{
    size_t size = skewed ? random_skewed(random, steady.least, steady.most)
                         : random_between(random, steady.least, steady.most);
    return (struct block){allocate(size), size};
}

static void work(struct worker *worker)
{
    steady_work(worker, make);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    steady_arguments((struct steady){
        .operations = 1000000, .threads = 1, .slots = 4096, .least = 16, .most = 515});
    skewed = text_argument("skewed") != NULL;
    arguments_end();
    steady_run(work);
    return 0;
}
