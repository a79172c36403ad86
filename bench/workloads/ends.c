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
 *   lines=             1: prints, too, how many cache lines hold blocks, and how many of those hold
 *                      blocks of two threads, when all have done their part; the seconds are then
 *                      of no use
 *   header=            1: an allocator that writes to the 8 bytes before a block
 * Prints the context switches of the whole process, too. */
#include "steady.h"

#include <malloc.h>
#include <sys/mman.h>
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
    steady_end(worker, blocks);
}

/* ---- Lines ---- */

/* A table of the lines that blocks lie on, apart from the allocator's memory. */
static struct {
    struct line {
        uintptr_t number; /* 0: no line */
        size_t worker;    /* the first that had a block there */
        bool is_shared;
    } * places;
    size_t count; /* of places, a power of two */
    size_t lines, shared;
    pthread_mutex_t mutex;
    pthread_barrier_t barrier;
} lines = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Bytes of the header in front of a block. */
static size_t header;

static void note_line(uintptr_t number, size_t worker)
{
    size_t i = number * 0x9e3779b97f4a7c15 & (lines.count - 1);
    while (lines.places[i].number != 0 && lines.places[i].number != number) {
        i = (i + 1) & (lines.count - 1);
    }
    struct line *line = &lines.places[i];
    if (line->number == 0) {
        *line = (struct line){number, worker, false};
        lines.lines++;
    } else if (line->worker != worker && !line->is_shared) {
        line->is_shared = true;
        lines.shared++;
    }
}

/* Only the lines at both ends of a block: those between are its alone. */
static void note_block(const struct block *block, size_t worker)
{
    uintptr_t first = ((uintptr_t)block->memory - header) / LINE;
    uintptr_t last = ((uintptr_t)block->memory + malloc_usable_size(block->memory) - 1) / LINE;
    note_line(first, worker);
    if (last != first) {
        note_line(last, worker);
        lines.lines += last - first - 1;
    }
}

static void look_at_lines(const struct worker *worker, const struct block *blocks)
{
    pthread_mutex_lock(&lines.mutex);
    for (size_t i = 0; i < steady.slots; i++) {
        if (blocks[i].memory != NULL) {
            note_block(&blocks[i], worker->index);
        }
    }
    pthread_mutex_unlock(&lines.mutex);
    /* Nobody's blocks go before everybody's were seen. */
    pthread_barrier_wait(&lines.barrier);
}

static void begin_lines(void)
{
    lines.count = 1;
    while (lines.count < 4 * steady.threads * steady.slots) {
        lines.count *= 2;
    }
    lines.places = mmap(NULL, lines.count * sizeof(*lines.places), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lines.places == MAP_FAILED) {
        fail("out of memory");
    }
    pthread_barrier_init(&lines.barrier, NULL, (unsigned)steady.threads);
    steady_look = look_at_lines;
}

static void report_lines(void)
{
    if (steady_look != NULL) {
        printf("lines %zu\nshared %zu\n", lines.lines, lines.shared);
    }
}

/* ---- The whole ---- */

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
    header = text_argument("header") != NULL ? 8 : 0;
    if (text_argument("lines") != NULL) {
        begin_lines();
    }
    arguments_end();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(call, calls[i].name) == 0) {
            steady_run(calls[i].body);
            report_switches();
            report_lines();
            return 0;
        }
    }
    fprintf(stderr, "call: malloc, calloc or realloc\n");
    return 2;
}
