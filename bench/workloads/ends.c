/* SPDX-License-Identifier: MIT
 *
 * Models threads that have nothing to do with each other: each has `slots` blocks of its own, and
 * replaces or resizes a random one at a time. Only both ends of a block are written, so that the
 * allocator is most of the work.
 * Operation: one free and one malloc or calloc, or one realloc.
 *   call=malloc        malloc, calloc or realloc
 *   slots=1024
 *   least=16 most=515  bytes of a block
 *   skewed=            1: each doubling of the size is equally likely; otherwise each size is
 * Prints the context switches of the whole process, too. */
#include "steady.h"

#include <sys/resource.h>

static const char *call;
static bool skewed;

static size_t draw_size(struct random *random)
{
    return skewed ? random_skewed(random, steady.least, steady.most)
                  : random_between(random, steady.least, steady.most);
}

static struct block with_ends(void *memory, size_t size)
{
    volatile unsigned char *bytes = checked(memory);
    bytes[0] = (unsigned char)size;
    bytes[size - 1] = (unsigned char)size;
    return (struct block){memory, size};
}

static struct block make(struct random *random)
{
    size_t size = draw_size(random);
    return with_ends(malloc(size), size);
}

static struct block make_zeroed(struct random *random)
{
    size_t size = draw_size(random);
    const volatile unsigned char *bytes = checked(calloc(1, size));
    if (bytes[0] != 0 || bytes[size - 1] != 0) {
        fail("calloc gave memory that is not zero");
    }
    return with_ends((void *)(uintptr_t)bytes, size);
}

static void replace_all(struct worker *worker)
{
    steady_work(worker, make);
}

static void replace_zeroed(struct worker *worker)
{
    steady_work(worker, make_zeroed);
}

static void resize(struct worker *worker)
{
    struct block *blocks = checked(calloc(steady.slots, sizeof(*blocks)));
    for (size_t i = 0; i < worker->operations; i++) {
        struct block *block = &blocks[random_below(&worker->random, steady.slots)];
        size_t size = draw_size(&worker->random);
        if (block->memory != NULL) {
            check(block->memory, block->size);
        }
        *block = with_ends(realloc(block->memory, size), size);
        worker->done++;
    }
    for (size_t i = 0; i < steady.slots; i++) {
        release(&blocks[i]);
    }
    free(blocks);
}

static const struct {
    const char *name;
    void (*body)(struct worker *worker);
} calls[] = {{"malloc", replace_all}, {"calloc", replace_zeroed}, {"realloc", resize}};

static void report_switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("switches %ld\n", usage.ru_nvcsw + usage.ru_nivcsw);
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    steady_arguments((struct steady){
        .operations = 1000000, .threads = 1, .slots = 1024, .least = 16, .most = 515});
    call = text_argument("call");
    call = call == NULL ? "malloc" : call;
    skewed = text_argument("skewed") != NULL;
    arguments_end();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(call, calls[i].name) == 0) {
            steady_run(calls[i].body);
            report_switches();
            return 0;
        }
    }
    fprintf(stderr, "call: malloc, calloc or realloc\n");
    return 2;
}
