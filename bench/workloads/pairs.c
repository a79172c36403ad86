/* SPDX-License-Identifier: MIT
 *
 * Models a function that needs a temporary block of one size and frees it at its end.
 * Operation: one malloc and the free of that block.
 *   size=64   bytes of each block */
#include "bench.h"

static size_t size;

static void work(struct worker *worker)
{
    for (size_t i = 0; i < worker->operations; i++) {
        volatile unsigned char *bytes = checked(malloc(size));
        bytes[0] = (unsigned char)i;
        free((void *)(uintptr_t)bytes);
        worker->done++;
    }
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 1);
    size = argument("size", 64);
    arguments_end();
    run_workers(threads, operations, work, NULL);
    return 0;
}
