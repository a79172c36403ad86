/* SPDX-License-Identifier: MIT
 * What brkm_explain_memory takes in a heap of 1 GiB, and how long it holds the heap's locks at a
 * time: `explain SMALLEST LARGEST THREADS MOST_MS MOST_HELD_US` fills a heap with blocks of random
 * sizes from SMALLEST to LARGEST, frees a fifth of them, lets THREADS allocate, and looks five
 * times, up to twenty while no look was as short as it may be. Prints a line, and fails where the
 * best took more of the processor's time than it may.
 *
 * Other work makes memory slower: a look may take half of what it takes to go from header to header
 * at that time, where that is more. And it may stop a thread that holds a lock: one hold in a
 * thousand may be longer.
 *
 * Linked so that the locks of all heaps are taken and released by way of the functions here. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "brkmalloc/brkmalloc.h"
#include "clock.h"
#include "heap/heaps.h"
#include "stats/explain_memory.h"
#include "stats/slices.h"

enum { ROUNDS_MIN = 5, ROUNDS_MAX = 20, KEPT_BY_THREAD = 1000, THREADS_MAX = 16 };

#define HEAP_BYTES ((size_t)1 << 30)

/* Of the holds that may be too long. */
#define LATE_PART 1e-3

static _Thread_local bool is_measured;

/* Seconds: of any clock, and of the processor, which other programs do not lengthen. */
struct moment {
    double wall, own;
};

static struct moment held_since, longest;
static double most_ms, most_held_us;
static size_t holds, late; /* of a look; those that were too long */

static struct moment now(void)
{
    struct timespec own;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    return (struct moment){clock_seconds(), (double)own.tv_sec + (double)own.tv_nsec * 1e-9};
}

static struct moment since(struct moment before)
{
    struct moment at = now();
    return (struct moment){at.wall - before.wall, at.own - before.own};
}

static struct moment least(struct moment a, struct moment b)
{
    return (struct moment){a.wall < b.wall ? a.wall : b.wall, a.own < b.own ? a.own : b.own};
}

static struct moment most_of(struct moment a, struct moment b)
{
    return (struct moment){a.wall > b.wall ? a.wall : b.wall, a.own > b.own ? a.own : b.own};
}

void __real_brkm__heaps_acquire(void);
void __real_brkm__heaps_release(void);
void __wrap_brkm__heaps_acquire(void);
void __wrap_brkm__heaps_release(void);

void __wrap_brkm__heaps_acquire(void)
{
    __real_brkm__heaps_acquire();
    if (is_measured) {
        held_since = now();
    }
}

void __wrap_brkm__heaps_release(void)
{
    if (is_measured) {
        struct moment held = since(held_since);
        longest = most_of(longest, held);
        holds++;
        late += held.own * 1e6 > most_held_us;
    }
    __real_brkm__heaps_release();
}

/* ---- The heap ---- */

static size_t smallest, largest, blocks_left;

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t draw_size(uint64_t *seed)
{
    return smallest + next_random(seed) % (largest - smallest + 1);
}

/* Returns the number of blocks that are left. */
static size_t fill_heap(void)
{
    size_t most = HEAP_BYTES / smallest;
    void **blocks = brkm_calloc(most, sizeof(*blocks));
    uint64_t seed = 7;
    size_t count = 0;
    size_t left = 0;
    for (size_t bytes = 0; blocks != NULL && bytes < HEAP_BYTES && count < most; count++) {
        size_t size = draw_size(&seed);
        blocks[count] = brkm_malloc(size);
        if (blocks[count] == NULL) {
            break;
        }
        *(char *)blocks[count] = 1;
        bytes += size;
    }
    for (size_t i = 0; i < count; i++) {
        if (next_random(&seed) % 5 == 0) {
            brkm_free(blocks[i]);
        } else {
            left++;
        }
    }
    brkm_free(blocks);
    return left;
}

/* ---- Threads ---- */

static atomic_bool is_done;

/* Keeps the locks busy: sizes that no cache has enough of. */
static void *allocate(void *seed_of_thread)
{
    uint64_t seed = *(uint64_t *)seed_of_thread;
    void *blocks[KEPT_BY_THREAD] = {NULL};
    while (!atomic_load_explicit(&is_done, memory_order_relaxed)) {
        void **block = &blocks[next_random(&seed) % KEPT_BY_THREAD];
        brkm_free(*block);
        *block = brkm_malloc(next_random(&seed) % 30000);
    }
    for (unsigned i = 0; i < KEPT_BY_THREAD; i++) {
        brkm_free(blocks[i]);
    }
    return NULL;
}

/* ---- Looks ---- */

struct result {
    struct moment took, held; /* the longest hold */
    double late;              /* part of the holds */
    double plain;             /* what going from header to header took */
};

static void count_bytes(void *context, const char *text, size_t length)
{
    (void)text;
    *(size_t *)context += length;
}

/* Waits for the memory at each header, as a look did that did not read ahead. */
static double walk_plainly(void)
{
    struct walk walk = {0};
    brkm__heaps_acquire();
    struct moment before = now();
    while (brkm__walk_step(&walk)) {
    }
    double took = since(before).own;
    brkm__heaps_release();
    return took;
}

static struct result look_once(unsigned round)
{
    size_t bytes = 0;
    struct result result = {.plain = walk_plainly()};
    longest = (struct moment){0, 0};
    holds = late = 0;
    struct moment before = now();
    is_measured = true;
    int error = brkm__explain_memory(count_bytes, &bytes, round % 2);
    is_measured = false;
    result.took = since(before);
    result.held = longest;
    result.late = (double)late / (double)holds;
    if (error != 0 || bytes == 0 || holds < blocks_left / SLICE_BLOCKS) {
        exit(1);
    }
    return result;
}

static bool is_short(struct result result)
{
    double most = most_ms * 1e-3 > result.plain / 2 ? most_ms * 1e-3 : result.plain / 2;
    return result.took.own <= most && result.late <= LATE_PART;
}

static double least_of(double a, double b)
{
    return a < b ? a : b;
}

/* The best of some rounds; whether one was short is told by `any_short`. */
static struct result look(bool *any_short)
{
    struct result best = look_once(0);
    *any_short = is_short(best);
    for (unsigned round = 1; round < ROUNDS_MAX && (round < ROUNDS_MIN || !*any_short); round++) {
        struct result next = look_once(round);
        *any_short |= is_short(next);
        best = (struct result){least(best.took, next.took), least(best.held, next.held),
                               least_of(best.late, next.late), least_of(best.plain, next.plain)};
    }
    return best;
}

static struct result look_beside(unsigned threads, bool *any_short)
{
    static uint64_t seeds[THREADS_MAX];
    pthread_t running[THREADS_MAX];
    unsigned started = 0;
    for (; started < threads; started++) {
        seeds[started] = started + 1;
        if (pthread_create(&running[started], NULL, allocate, &seeds[started]) != 0) {
            exit(1);
        }
    }
    struct result best = look(any_short);
    atomic_store(&is_done, true);
    while (started > 0) {
        pthread_join(running[--started], NULL);
    }
    return best;
}

int main(int argc, char **argv)
{
    if (argc != 6 || (smallest = strtoul(argv[1], NULL, 10)) == 0 ||
        (largest = strtoul(argv[2], NULL, 10)) < smallest) {
        fprintf(stderr, "usage: explain SMALLEST LARGEST THREADS MOST_MS MOST_HELD_US\n");
        return 2;
    }
    most_ms = strtod(argv[4], NULL);
    most_held_us = strtod(argv[5], NULL);
    unsigned threads = (unsigned)strtoul(argv[3], NULL, 10);
    bool any_short;
    blocks_left = fill_heap();
    struct result best = look_beside(threads > THREADS_MAX ? THREADS_MAX : threads, &any_short);
    printf(
        "%zu blocks of %zu to %zu bytes, %u threads: %.1f ms (%.1f by the clock, %.1f from header "
        "to header), locks held for %.0f us at most (%.0f), %.2f %% too long\n",
        blocks_left, smallest, largest, threads, best.took.own * 1e3, best.took.wall * 1e3,
        best.plain * 1e3, best.held.own * 1e6, best.held.wall * 1e6, best.late * 100);
    return any_short ? 0 : 1;
}
