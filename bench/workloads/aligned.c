/* SPDX-License-Identifier: MIT
 *
 * Models number crunching and input/output buffers: as replace.c, with blocks that are aligned to
 * a cache line (half of them), to more, or to a page.
 * Operation: one free and one aligned_alloc.
 *   slots=2048
 *   least=16 most=4096   bytes of a block; each doubling is equally likely */
#include "bench.h"

static size_t slots, least, most;

static size_t random_alignment(struct random *random)
{
    /* None between 128 and a page, which mimalloc 2.0 does not always give. */
    static const size_t alignments[] = {32, 64, 64, 64, 64, 128, 128, 4096};
    return alignments[random_below(random, sizeof(alignments) / sizeof(alignments[0]))];
}

static void work(struct worker *worker)
{
    struct block *blocks = checked(calloc(slots, sizeof(*blocks)));
    for (size_t i = 0; i < worker->operations; i++) {
        struct block *block = &blocks[random_below(&worker->random, slots)];
        size_t size = random_skewed(&worker->random, least, most);
        size_t alignment = random_alignment(&worker->random);
        release(block);
        *block = (struct block){checked(aligned_alloc(alignment, size)), size};
        if (((uintptr_t)block->memory & (alignment - 1)) != 0) {
            fail("a block is not aligned");
        }
        touch(block->memory, size);
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
    slots = argument("slots", 2048);
    least = argument("least", 16);
    most = argument("most", 4096);
    arguments_end();
    run_workers(threads, operations, work, NULL);
    return 0;
}
