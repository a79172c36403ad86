/* SPDX-License-Identifier: MIT
 *
 * What the heap profile is to find out: three places that ask for known amounts of memory, and what
 * a process may do meanwhile. Driven by profile.py, which reads what this prints and what the
 * profile says: site NAME FIRST_ADDRESS END_ADDRESS LIVE_BLOCKS LIVE_BYTES TOTAL_BLOCKS TOTAL_BYTES
 * with the numbers as they are when the process ends.
 *
 * Usage: profile DOOR sites|threads|fork|exec|signal|quiet */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

#define THREADS 4

/* Each site is a function in a section of its own, so that its addresses are known. */
#define SITE(name) __attribute__((noinline, section("site_" #name)))
#define SITES(X) X(small) X(large) X(vector)

struct amount {
    _Atomic long blocks, bytes;
};

struct site {
    const char *name;
    const char *start, *end;
    struct amount live, total;
};

#define SITE_BOUNDS(name) extern const char __start_site_##name[], __stop_site_##name[];
SITES(SITE_BOUNDS)

#define SITE_ROW(name) {#name, __start_site_##name, __stop_site_##name, {0, 0}, {0, 0}},
static struct site sites[] = {SITES(SITE_ROW)};
enum { SMALL, LARGE, VECTOR, SITE_COUNT };

static void count(struct amount *amount, long blocks, long bytes)
{
    atomic_fetch_add(&amount->blocks, blocks);
    atomic_fetch_add(&amount->bytes, bytes);
}

static void *counted(int site, void *memory, size_t size)
{
    CHECK_NOT_NULL(memory);
    count(&sites[site].live, 1, (long)size);
    count(&sites[site].total, 1, (long)size);
    return memory;
}

SITE(small) static void *ask_small(size_t size)
{
    return counted(SMALL, malloc(size), size);
}

SITE(large) static void *ask_large(size_t size)
{
    return counted(LARGE, calloc(1, size), size);
}

SITE(vector) static void *grow_vector(void *memory, size_t old_size, size_t size)
{
    if (memory != NULL) {
        count(&sites[VECTOR].live, -1, -(long)old_size);
    }
    return counted(VECTOR, realloc(memory, size), size);
}

static void give_back(int site, void *memory, size_t size)
{
    free(memory);
    count(&sites[site].live, -1, -(long)size);
}

/* Small blocks, one in eight of which stays; large ones, half of which stay; and vectors that grow
 * in steps of a page. */
static void work(unsigned seed)
{
    for (unsigned i = 0; i < 40000; i++) {
        size_t size = 16 + (i * 7919 + seed) % 500;
        void *memory = ask_small(size);
        if (i % 8 != 0) {
            give_back(SMALL, memory, size);
        }
    }
    for (unsigned i = 0; i < 200; i++) {
        size_t size = 3000 + (i * 104729 + seed) % 90000;
        void *memory = ask_large(size);
        if (i % 2 == 0) {
            give_back(LARGE, memory, size);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        char *vector = NULL;
        size_t size = 0;
        for (unsigned step = 0; step < 100; step++) {
            vector = grow_vector(vector, size, size + 4096);
            vector[size] = (char)step;
            size += 4096;
        }
        for (unsigned step = 0; step < 100; step++) {
            CHECK_EQ_INT(vector[(size_t)step * 4096], (char)step);
        }
        if (i % 2 == 0) {
            give_back(VECTOR, vector, size);
        }
    }
}

static void *work_in_thread(void *seed)
{
    work((unsigned)(uintptr_t)seed);
    return NULL;
}

static void work_in_threads(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, work_in_thread, (void *)i), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    }
}

static void print_sites(void)
{
    for (int i = 0; i < SITE_COUNT; i++) {
        printf("%d site %s %#lx %#lx %ld %ld %ld %ld\n", (int)getpid(), sites[i].name,
               (unsigned long)sites[i].start, (unsigned long)sites[i].end, sites[i].live.blocks,
               sites[i].live.bytes, sites[i].total.blocks, sites[i].total.bytes);
    }
    fflush(stdout);
}

/* The child goes on with what the parent had; both end by exit. */
static void fork_and_work(void)
{
    work_in_threads();
    fflush(stdout);
    pid_t child = fork();
    CHECK_TRUE(child >= 0);
    work(child == 0 ? 1000 : 2000);
    print_sites();
    if (child == 0) {
        exit(0);
    }
    CHECK_CHILD(child);
}

/* Threads are in the allocator and in its records while the signal comes. */
static void work_under_signals(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, work_in_thread, (void *)i), 0);
    }
    for (unsigned i = 0; i < 40; i++) {
        CHECK_EQ_INT(pthread_kill(threads[i % THREADS], SIGUSR2), 0);
        usleep(500);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    }
    raise(SIGUSR2);
    print_sites();
}

static void run(const char *mode, char **arguments)
{
    if (strcmp(mode, "sites") == 0) {
        work(0);
        print_sites();
    } else if (strcmp(mode, "threads") == 0) {
        work_in_threads();
        print_sites();
    } else if (strcmp(mode, "fork") == 0) {
        fork_and_work();
    } else if (strcmp(mode, "exec") == 0) {
        work(0);
        char sites_mode[] = "sites";
        arguments[2] = sites_mode;
        CHECK_EQ_INT(execv("/proc/self/exe", arguments), 0);
    } else if (strcmp(mode, "signal") == 0) {
        work_under_signals();
    } else {
        CHECK_EQ_INT(strcmp(mode, "quiet"), 0);
    }
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    CHECK_TRUE(argc > 2);
    run(argv[2], argv);
    return door_done();
}
