/* SPDX-License-Identifier: MIT
 *
 * What the workloads in a steady state share: each thread has `slots` blocks and replaces a random
 * one at a time. They differ in how a block is made. */
#ifndef BRKM_BENCH_STEADY_H
#define BRKM_BENCH_STEADY_H

#include "bench.h"

struct steady {
    size_t operations, threads;
    size_t slots;       /* blocks of one thread */
    size_t least, most; /* bytes of a block */
};

static struct steady steady;

/* Called by each worker once it has done its part, with the blocks that it has; may be NULL. */
static void (*steady_look)(const struct worker *worker, const struct block *blocks);

/* Reads the arguments that all of them take; `standard` is for those that are not given. */
static inline void steady_arguments(struct steady standard)
{
    steady = (struct steady){
        .operations = argument("operations", standard.operations),
        .threads = argument("threads", standard.threads),
        .slots = argument("slots", standard.slots),
        .least = argument("least", standard.least),
        .most = argument("most", standard.most),
    };
}

static inline void steady_end(const struct worker *worker, struct block *blocks)
{
    if (steady_look != NULL) {
        steady_look(worker, blocks);
    }
    for (size_t i = 0; i < steady.slots; i++) {
        release(&blocks[i]);
    }
    free(blocks);
}

/* The body of a worker; inlined with `make`, which draws a size and returns a block of it. */
static inline void steady_work(struct worker *worker, struct block (*make)(struct random *random))
{
    struct block *blocks = checked(calloc(steady.slots, sizeof(*blocks)));
    for (size_t i = 0; i < worker->operations; i++) {
        struct block *block = &blocks[random_below(&worker->random, steady.slots)];
        release(block);
        *block = make(&worker->random);
        worker->done++;
    }
    steady_end(worker, blocks);
}

static inline void steady_run(void (*body)(struct worker *worker))
{
    run_workers(steady.threads, steady.operations, body, NULL);
}

#endif
