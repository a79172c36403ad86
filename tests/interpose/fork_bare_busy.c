/* SPDX-License-Identifier: MIT
 *
 * _Fork in a program whose other threads allocate: no handler runs, and what they were in the midst
 * of stays so in the child. The child uses, resizes and frees blocks of the parent's, allocates
 * much itself, starts threads, forks again in either way, executes or exits.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

#if !__GLIBC_PREREQ(2, 34)
static pid_t _Fork(void)
{
    puts("libc has no _Fork");
    exit(CHECK_SKIPPED);
}
#endif

enum {
    most_forks = 100,
    steps = 10000,
    child_seconds = 100,
    kept_count = 600,
    held = 48,
    mapped_threshold = 150000,
    long_steps = 1000000,
    warm_steps = 200000,
    growth_allowed = 16 << 20
};

/* ---- Threads of the parent ---- */

/* Sizes from the first to the second: small, medium, large ones of the heap, mapped ones. */
static const size_t worker_sizes[][2] = {
    {1, 600}, {1000, 60000}, {66000, 140000}, {160000, 700000}};
enum { workers = sizeof worker_sizes / sizeof worker_sizes[0] };

static pthread_t worker_threads[workers];
static atomic_int stop;

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static size_t next_size(unsigned *state, size_t kind)
{
    const size_t *sizes = worker_sizes[kind];
    return sizes[0] + next_random(state) % (sizes[1] - sizes[0]);
}

static void *work(void *argument)
{
    size_t kind = (size_t)(uintptr_t)argument;
    unsigned state = (unsigned)kind + 1;
    char *blocks[held] = {NULL};
    while (!atomic_load(&stop)) {
        unsigned slot = next_random(&state) % held;
        size_t size = next_size(&state, kind);
        if (next_random(&state) % 3 != 0) {
            free(blocks[slot]);
            blocks[slot] = malloc(size);
        } else {
            blocks[slot] = realloc(blocks[slot], size);
        }
        CHECK_NOT_NULL(blocks[slot]);
        blocks[slot][0] = blocks[slot][size - 1] = (char)slot;
    }
    for (unsigned slot = 0; slot < held; slot++)
        free(blocks[slot]);
    return NULL;
}

/* ---- Blocks that parent and child have ---- */

static struct {
    unsigned char *bytes;
    size_t size;
} kept[kept_count];

static void keep(unsigned i, unsigned *state)
{
    size_t kind = i % 20 == 0 ? 3 : i % 10 == 0 ? 2 : i % 3 == 0 ? 1 : 0;
    kept[i].size = next_size(state, kind);
    kept[i].bytes = i % 7 == 0 ? memalign(64, kept[i].size) : malloc(kept[i].size);
    CHECK_NOT_NULL(kept[i].bytes);
    memset(kept[i].bytes, (int)i, kept[i].size);
}

static void check_kept(unsigned i, size_t size)
{
    const unsigned char *bytes = kept[i].bytes;
    CHECK_TRUE(bytes[0] == (unsigned char)i && memcmp(bytes, bytes + 1, size - 1) == 0);
    CHECK_GE_UINT(malloc_usable_size(kept[i].bytes), size);
}

static void check_all_kept(void)
{
    for (unsigned i = 0; i < kept_count; i++)
        check_kept(i, kept[i].size);
}

/* ---- Children ---- */

/* Every kind of block is grown and shrunk and freed, half of them before new ones are made. */
static void use_kept(unsigned seed)
{
    unsigned state = seed;
    for (unsigned i = seed % 2; i < kept_count; i += 2) {
        size_t old_size = kept[i].size;
        if (i % 3 != 0) {
            kept[i].size = next_size(&state, next_random(&state) % workers);
            kept[i].bytes = realloc(kept[i].bytes, kept[i].size);
            CHECK_NOT_NULL(kept[i].bytes);
            check_kept(i, old_size < kept[i].size ? old_size : kept[i].size);
        }
        free(kept[i].bytes);
    }
    churn(seed, steps);
    for (unsigned i = 1 - seed % 2; i < kept_count; i += 2) {
        check_kept(i, kept[i].size);
        free(kept[i].bytes);
    }
}

/* What the child allocates itself is used again. */
static void run_for_long(unsigned seed)
{
    churn(seed, warm_steps);
    size_t resident = resident_bytes();
    churn(seed, long_steps);
    CHECK_LE_UINT(resident_bytes(), resident + growth_allowed);
}

static void use_threads(unsigned seed)
{
    busy_start(2);
    churn(seed, 500);
    busy_stop();
}

static void in_child(unsigned number);

static void fork_again(unsigned number, int bare)
{
    /* Before or after it notices that others' locks were held. */
    if (number % 2 == 0)
        churn(number, 500);
    pid_t child = bare ? _Fork() : fork();
    if (child == 0)
        in_child(number - number % 8);
    CHECK_CHILD(child);
}

static void in_child(unsigned number)
{
    alarm(child_seconds);
    check_all_kept();
    if (number % 8 == 1)
        fork_again(number / 8, 1);
    else if (number % 8 == 2)
        fork_again(number / 8, 0);
    else if (number % 8 == 3)
        use_threads(number);
    else if (number % 8 == 4 && number < 12)
        run_for_long(number);
    use_kept(number);
    if (number % 8 == 5)
        execl("/bin/true", "true", (char *)NULL);
    else if (number % 8 == 6)
        exit(door_done());
    _exit(door_done());
}

/* BARE_FORKS in the environment says how many times, where all would take too long. */
static unsigned fork_count(void)
{
    const char *text = getenv("BARE_FORKS");
    return text == NULL ? most_forks : (unsigned)strtoul(text, NULL, 10);
}

static void *fork_often(void *unused)
{
    (void)unused;
    unsigned forks = fork_count();
    for (unsigned i = 0; i < forks; i++) {
        pid_t child = _Fork();
        if (child == 0)
            in_child(i);
        unsigned state = i;
        for (unsigned j = i % 5; j < kept_count; j += 5) {
            free(kept[j].bytes);
            keep(j, &state);
        }
        CHECK_CHILD(child);
        churn(i, 50);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    unsigned state = 1;
    door_require(argc, argv);
    CHECK_EQ_INT(mallopt(M_MMAP_THRESHOLD, mapped_threshold), 1);
    for (unsigned i = 0; i < kept_count; i++)
        keep(i, &state);
    for (uintptr_t i = 0; i < workers; i++)
        CHECK_EQ_INT(pthread_create(&worker_threads[i], NULL, work, (void *)i), 0);
    CHECK_EQ_INT(pthread_create(&thread, NULL, fork_often, NULL), 0);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
    atomic_store(&stop, 1);
    for (size_t i = 0; i < workers; i++)
        CHECK_EQ_INT(pthread_join(worker_threads[i], NULL), 0);
    check_all_kept();
    for (unsigned i = 0; i < kept_count; i++)
        free(kept[i].bytes);
    return door_done();
}
