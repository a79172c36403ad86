/* SPDX-License-Identifier: MIT
 *
 * Models number crunching and input/output buffers: as replace.c, with blocks that are aligned to
 * a cache line (half of them), to more, or to a page.
 * Operation: one free and one aligned_alloc.
 *   slots=2048
 *   least=16 most=4096   bytes of a block; each doubling is equally likely */
#include "steady.h"

static size_t random_alignment(struct random *random)
{
    /* None between 128 and a page, which mimalloc 2.0 does not always give. */
    static const size_t alignments[] = {32, 64, 64, 64, 64, 128, 128, 4096};
    return alignments[random_below(random, sizeof(alignments) / sizeof(alignments[0]))];
}

static struct block make(struct random *random)
{
    size_t size = random_skewed(random, steady.least, steady.most);
    size_t alignment = random_alignment(random);
    void *memory = checked(aligned_alloc(alignment, size));
    if (((uintptr_t)memory & (alignment - 1)) != 0) {
        fail("a block is not aligned");
    }
    touch(memory, size);
    return (struct block){memory, size};
}

static void work(struct worker *worker)
{
    steady_work(worker, make);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    steady_arguments((struct steady){
        .operations = 1000000, .threads = 1, .slots = 2048, .least = 16, .most = 4096});
    arguments_end();
    steady_run(work);
    return 0;
}
