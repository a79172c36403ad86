/* SPDX-License-Identifier: MIT
 *
 * What the workloads share. Each is called as
 *
 *   WORKLOAD operations=N [threads=N] [NAME=VALUE ...]
 *
 * and does exactly so many operations with seeded random numbers, so that its time can be compared
 * between allocators. It prints "operations N", counted by the threads as they work, and "seconds
 * S" for the measured part. Exit status: 0 done, 1 failed, 2 bad arguments. */
#ifndef BRKM_BENCH_H
#define BRKM_BENCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)
#define LINE ((size_t)64)
#define PAGE ((size_t)4096)

static inline void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* ---- Arguments ---- */

static char **arguments;
static int argument_count;

static inline void arguments_begin(int argc, char **argv)
{
    arguments = argv;
    argument_count = argc;
}

/* The text after "name=", which is then known; NULL without such an argument. */
static inline const char *text_argument(const char *name)
{
    const char *value = NULL;
    size_t length = strlen(name);
    for (int i = 1; i < argument_count; i++) {
        if (arguments[i] != NULL && strncmp(arguments[i], name, length) == 0 &&
            arguments[i][length] == '=') {
            value = arguments[i] + length + 1;
            arguments[i] = NULL;
        }
    }
    return value;
}

/* A number of at least 1. */
static inline size_t argument(const char *name, size_t standard)
{
    const char *text = text_argument(name);
    if (text == NULL) {
        return standard;
    }
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > (1ULL << 40)) {
        fprintf(stderr, "%s: '%s' is no number from 1 to 2^40\n", name, text);
        exit(2);
    }
    return (size_t)value;
}

/* After the last known argument. */
static inline void arguments_end(void)
{
    for (int i = 1; i < argument_count; i++) {
        if (arguments[i] != NULL) {
            fprintf(stderr, "unknown argument '%s'\n", arguments[i]);
            exit(2);
        }
    }
}

/* ---- Random numbers ---- */

struct random {
    uint64_t state;
};

/* Spreads neighbouring seeds apart (splitmix64); never gives the state 0, which xorshift keeps. */
static inline struct random random_begin(size_t seed)
{
    uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return (struct random){x | 1};
}

static inline uint64_t random_next(struct random *random)
{
    uint64_t x = random->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return random->state = x;
}

/* 0 .. count-1, for a count below 2^32. */
static inline size_t random_below(struct random *random, size_t count)
{
    return (size_t)((random_next(random) >> 32) * count >> 32);
}

static inline size_t random_between(struct random *random, size_t least, size_t most)
{
    return least + random_below(random, most - least + 1);
}

/* Each doubling between least and most is equally likely, as small sizes prevail in programs. */
static inline size_t random_skewed(struct random *random, size_t least, size_t most)
{
    size_t doublings = 0;
    while (least << (doublings + 1) <= most) {
        doublings++;
    }
    size_t low = least << random_below(random, doublings + 1);
    return random_between(random, low, low * 2 - 1 < most ? low * 2 - 1 : most);
}

/* ---- Blocks ---- */

static inline void *checked(void *memory)
{
    if (memory == NULL) {
        fail("out of memory");
    }
    return memory;
}

/* Writes to each cache line of small blocks and to each page of others, as a program would. The
 * first and the last byte carry the size, so that blocks that overlap are noticed. */
static inline void touch(void *memory, size_t size)
{
    volatile unsigned char *bytes = memory;
    size_t step = size <= KIB ? LINE : PAGE;
    for (size_t i = 0; i < size; i += step) {
        bytes[i] = (unsigned char)size;
    }
    bytes[size - 1] = (unsigned char)size;
}

static inline void *allocate(size_t size)
{
    void *memory = checked(malloc(size));
    touch(memory, size);
    return memory;
}

static inline void check(const void *memory, size_t size)
{
    const volatile unsigned char *bytes = memory;
    if (bytes[0] != (unsigned char)size || bytes[size - 1] != (unsigned char)size) {
        fail("a block's contents have changed");
    }
}

struct block {
    void *memory;
    size_t size;
};

/* A block without memory may be released. */
static inline void release(struct block *block)
{
    if (block->memory != NULL) {
        check(block->memory, block->size);
        free(block->memory);
        block->memory = NULL;
    }
}

static inline void replace(struct block *block, size_t size)
{
    release(block);
    *block = (struct block){allocate(size), size};
}

/* ---- Threads and the clock ---- */

/* Two cache lines apart (processors fetch them in pairs): where an allocator happens to place the
 * array must not decide whether workers disturb each other. */
struct worker {
    _Alignas(2 * LINE) pthread_t thread;
    size_t index;
    size_t operations; /* to be done; the body adds to done */
    size_t done;
    struct random random;
    void *user;
    void (*body)(struct worker *worker);
};

static pthread_barrier_t start_barrier;

/* What part of `total` the `index`-th of `parts` has; the parts add up to it. */
static inline size_t share(size_t total, size_t index, size_t parts)
{
    return total / parts * (index + 1) + total % parts * (index + 1) / parts -
           (total / parts * index + total % parts * index / parts);
}

static inline double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void *worker_begin(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(&start_barrier);
    worker->body(worker);
    return NULL;
}

static inline void thread_start(pthread_t *thread, void *(*body)(void *), void *user)
{
    if (pthread_create(thread, NULL, body, user) != 0) {
        fail("could not start a thread");
    }
}

static inline void report(size_t operations, double seconds)
{
    printf("operations %zu\nseconds %.6f\n", operations, seconds);
}

/* Shares `operations` out to so many threads, which begin together, waits for all and reports. One
 * thread is the main thread, since allocators treat programs without threads differently. */
static inline void run_workers(size_t threads, size_t operations,
                               void (*body)(struct worker *worker), void *user)
{
    struct worker *workers = checked(aligned_alloc(2 * LINE, threads * sizeof(*workers)));
    for (size_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){.index = i,
                                     .operations = share(operations, i, threads),
                                     .random = random_begin(i),
                                     .user = user,
                                     .body = body};
    }
    double start = clock_seconds();
    if (threads == 1) {
        body(&workers[0]);
    } else {
        pthread_barrier_init(&start_barrier, NULL, (unsigned)threads + 1);
        for (size_t i = 0; i < threads; i++) {
            thread_start(&workers[i].thread, worker_begin, &workers[i]);
        }
        start = clock_seconds();
        pthread_barrier_wait(&start_barrier);
        for (size_t i = 0; i < threads; i++) {
            pthread_join(workers[i].thread, NULL);
        }
    }
    double seconds = clock_seconds() - start;
    size_t done = 0;
    for (size_t i = 0; i < threads; i++) {
        done += workers[i].done;
    }
    report(done, seconds);
    free(workers);
}

#endif
