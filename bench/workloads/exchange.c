/* SPDX-License-Identifier: MIT
 *
 * Models shared data that every thread changes: any thread allocates a block, puts it into a random
 * place of one shared table and frees what was there.
 * Operation: one malloc and one free, mostly of another thread's block.
 *   threads=2
 *   slots=16384        places in the table
 *   least=16 most=515  bytes of a block, evenly distributed */
#include "bench.h"

#include <stdatomic.h>

static size_t slots, least, most;
static void *_Atomic *table;

/* The first word of each block is its size. */
static void dispose(void *memory)
{
    if (memory != NULL) {
        size_t size;
        memcpy(&size, memory, sizeof(size));
        if (size < least || size > most) {
            fail("a block's contents have changed");
        }
        free(memory);
    }
}

static void work(struct worker *worker)
{
    for (size_t i = 0; i < worker->operations; i++) {
        size_t size = random_between(&worker->random, least, most);
        void *memory = allocate(size);
        memcpy(memory, &size, sizeof(size));
        dispose(atomic_exchange(&table[random_below(&worker->random, slots)], memory));
        worker->done++;
    }
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 2);
    slots = argument("slots", 16384);
    least = argument("least", 16);
    most = argument("most", 515);
    arguments_end();
    table = checked(calloc(slots, sizeof(*table)));
    run_workers(threads, operations, work, NULL);
    for (size_t i = 0; i < slots; i++) {
        dispose(atomic_load(&table[i]));
    }
    return 0;
}
