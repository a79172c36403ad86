/* SPDX-License-Identifier: MIT
 *
 * For the scaling report: what does the process keep for a thread that has done its work and
 * sleeps? Each thread replaces random blocks, frees all of them and then waits. The growth of the
 * resident memory per thread is printed as "idle_bytes B". It counts from when the first thread
 * waits, so that what the heap itself keeps is not in it, to when all do. Without allocations
 * (calls=none) it is the price of a thread as such.
 * Operation: one free and one malloc.
 *   threads=33
 *   turns=              1: one thread works at a time; otherwise all but the first at once
 *   calls=              none: the threads do not allocate
 *   slots=1000          blocks of a thread
 *   least=16 most=8192  bytes of a block; each doubling is equally likely */
#include "bench.h"

#include <unistd.h>

static size_t threads, operations, slots, least, most;
static bool in_turns, silent;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t first_worked, all_worked, measured;
static size_t done;

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %zu", &pages) != 1) {
        fail("cannot read /proc/self/statm");
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t allocate_mix(size_t index)
{
    struct random random = random_begin(index);
    struct block *blocks = checked(calloc(slots, sizeof(*blocks)));
    size_t count = share(operations, index, threads);
    for (size_t i = 0; i < count; i++) {
        replace(&blocks[random_below(&random, slots)], random_skewed(&random, least, most));
    }
    for (size_t i = 0; i < slots; i++) {
        release(&blocks[i]);
    }
    free(blocks);
    return count;
}

/* Both kinds of threads use this much of their stack. */
static void touch_stack(void)
{
    char stack[16 * 1024];
    touch(stack, sizeof(stack));
}

static void *work(void *argument)
{
    size_t index = *(size_t *)argument;
    touch_stack();
    if (in_turns) {
        pthread_mutex_lock(&turn);
    }
    size_t count = silent ? share(operations, index, threads) : allocate_mix(index);
    __atomic_fetch_add(&done, count, __ATOMIC_RELAXED);
    if (in_turns) {
        pthread_mutex_unlock(&turn);
    }
    if (index == 0) {
        pthread_barrier_wait(&first_worked);
    }
    pthread_barrier_wait(&all_worked);
    pthread_barrier_wait(&measured);
    return NULL;
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    operations = argument("operations", 1000000);
    threads = argument("threads", 33);
    in_turns = text_argument("turns") != NULL;
    silent = text_argument("calls") != NULL;
    slots = argument("slots", 1000);
    least = argument("least", 16);
    most = argument("most", 8192);
    arguments_end();
    if (threads < 2) {
        fprintf(stderr, "threads: at least 2\n");
        return 2;
    }

    pthread_t *handles = checked(calloc(threads, sizeof(*handles)));
    size_t *indices = checked(calloc(threads, sizeof(*indices)));
    pthread_barrier_init(&first_worked, NULL, 2);
    pthread_barrier_init(&all_worked, NULL, (unsigned)threads + 1);
    pthread_barrier_init(&measured, NULL, (unsigned)threads + 1);
    double start = clock_seconds();
    size_t before = 0;
    for (size_t i = 0; i < threads; i++) {
        indices[i] = i;
        thread_start(&handles[i], work, &indices[i]);
        if (i == 0) {
            pthread_barrier_wait(&first_worked);
            before = resident_bytes();
        }
    }
    pthread_barrier_wait(&all_worked);
    double seconds = clock_seconds() - start;
    size_t after = resident_bytes();
    pthread_barrier_wait(&measured);
    for (size_t i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
    }
    printf("idle_bytes %zu\n", after > before ? (after - before) / (threads - 1) : 0);
    report(done, seconds);
    free(indices);
    free(handles);
    return 0;
}
