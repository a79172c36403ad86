/* SPDX-License-Identifier: MIT
 *
 * Models work that builds up a structure and takes all of it down again: allocates `height`
 * blocks, then frees them, in turn the last one first (as a stack does) and the first one first (as
 * a queue does).
 * Operation: one malloc and later the free of that block.
 *   height=100         blocks per burst
 *   least=64 most=64   bytes of a block, evenly distributed */
#include "bench.h"

static size_t height, least, most;

static void climb(struct worker *worker, struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = least == most ? least : random_between(&worker->random, least, most);
        blocks[i] = (struct block){allocate(size), size};
    }
}

static void descend(struct worker *worker, struct block *blocks, size_t count, bool last_first)
{
    for (size_t i = 0; i < count; i++) {
        release(&blocks[last_first ? count - 1 - i : i]);
        worker->done++;
    }
}

static void work(struct worker *worker)
{
    struct block *blocks = checked(calloc(height, sizeof(*blocks)));
    bool last_first = true;
    for (size_t left = worker->operations; left > 0; last_first = !last_first) {
        size_t count = left < height ? left : height;
        climb(worker, blocks, count);
        descend(worker, blocks, count, last_first);
        left -= count;
    }
    free(blocks);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 1);
    height = argument("height", 100);
    least = argument("least", 64);
    most = argument("most", 64);
    arguments_end();
    run_workers(threads, operations, work, NULL);
    return 0;
}
