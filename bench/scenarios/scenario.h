/* SPDX-License-Identifier: MIT
 *
 * What the scenarios of `./brkmalloc bench --memory` share. Each models a way in which programs
 * leave holes in a heap, and is called as
 *
 *   SCENARIO [live=BYTES] [seed=N] [quiet=MILLISECONDS] [heap=1] [NAME=VALUE ...]
 *
 * with `live` bytes requested and not yet freed at most, or nearly. It prints one line of key=value
 * pairs: bytes, but for the seconds.
 *
 *   live_peak, resident_peak     the most that was live, and the most that was resident
 *   seconds                      of the work; what the scenario waits is not in it
 *   live_NAME, resident_NAME     at a named point of the scenario; the last one, "freed", comes
 *                                `quiet` milliseconds after everything was freed
 *
 * With heap=1, which brkmalloc must serve, also what the allocator itself knows; unlike the
 * resident memory that is the same on every run of a scenario with one thread:
 *
 *   heap_peak, heap_NAME         the heap up to its top, and mapped blocks
 *   pages_peak, pages_NAME       of that, bytes whose pages are there
 *
 * Resident memory is that of the whole process less what it was when the scenario began. By then
 * the scenario's own tables are mapped and touched, so that only the allocator's part counts. Exit
 * status: 0 done, 1 failed, 2 bad arguments. */
#ifndef BRKM_SCENARIO_H
#define BRKM_SCENARIO_H

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../compare/heap_watch.h"
#include "../workloads/bench.h"

/* ---- Reading the system without allocating ---- */

static char system_text[64 * 1024];

static inline const char *read_system(const char *path)
{
    size_t length = 0;
    ssize_t count = 1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && count > 0 && length < sizeof(system_text) - 1) {
        count = read(file, system_text + length, sizeof(system_text) - 1 - length);
        length += count > 0 ? (size_t)count : 0;
    }
    if (file < 0 || count < 0) {
        perror(path);
        exit(1);
    }
    close(file);
    system_text[length] = '\0';
    return system_text;
}

static inline size_t status_bytes(const char *name)
{
    const char *line = strstr(read_system("/proc/self/status"), name);
    if (line == NULL) {
        fprintf(stderr, "/proc/self/status has no %s\n", name);
        exit(1);
    }
    return strtoull(line + strlen(name), NULL, 10) * KIB;
}

static inline size_t resident_bytes(void)
{
    char *end;
    strtoull(read_system("/proc/self/statm"), &end, 10);
    return strtoull(end, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* The kernel's own high-water mark: no moment is missed, though it may be off by some dozen pages
 * for each processor. */
static inline size_t resident_bytes_peak(void)
{
    return status_bytes("VmHWM:");
}

/* ---- What is measured ---- */

/* Figures of one moment, or the largest of all moments. */
struct figures {
    const char *name;
    size_t live, resident, heap, pages;
};

#define POINTS_MAX 4

static struct {
    size_t seed;
    unsigned quiet_milliseconds;
    size_t live; /* changed by all threads */
    struct figures peak;
    struct figures points[POINTS_MAX];
    size_t points_count;
    size_t resident_at_start;
    double busy_seconds, resumed;
    struct heap_watch watch; /* with heap=1 */
} scenario;

static inline bool is_watched(void)
{
    return scenario.watch.totals != NULL;
}

static inline void reach(size_t *peak, size_t value)
{
    size_t old = __atomic_load_n(peak, __ATOMIC_RELAXED);
    while (value > old && !__atomic_compare_exchange_n(peak, &old, value, true, __ATOMIC_RELAXED,
                                                       __ATOMIC_RELAXED)) {
    }
}

/* ---- What brkmalloc knows ---- */

static inline void watch_heap(void)
{
    if (!heap_watch_begin(&scenario.watch)) {
        fprintf(stderr, "heap=1: brkmalloc is not preloaded\n");
        exit(2);
    }
}

static inline void read_heap(struct figures *figures)
{
    struct heap_figures heap = {0, 0};
    if (is_watched() && !heap_watch_read(&scenario.watch, &heap)) {
        fail("heap=1: the pages of the heap cannot be counted");
    }
    figures->heap = heap.heap;
    figures->pages = heap.pages;
}

static inline void follow_heap(struct figures *now)
{
    read_heap(now);
    reach(&scenario.peak.heap, now->heap);
    reach(&scenario.peak.pages, now->pages);
}

/* Called for each block; looks at every large one and every 64th of the others, which costs little
 * and misses little. */
static inline void follow_block(size_t size)
{
    static _Thread_local unsigned calls;
    if (is_watched() && (size >= 64 * KIB || calls++ % 64 == 0)) {
        struct figures now = {0};
        follow_heap(&now);
    }
}

/* ---- Sizes ---- */

/* Small ones prevail by number, so that each doubling between least and most has about the same
 * share of the bytes, as in many programs. */
static inline size_t random_size(struct random *random, size_t least, size_t most)
{
    size_t low = least;
    while (low * 2 <= most && random_below(random, 2) == 0) {
        low *= 2;
    }
    return random_between(random, low, low * 2 - 1 < most ? low * 2 - 1 : most);
}

/* ---- The course of a scenario ---- */

static inline void require(bool truth, const char *otherwise)
{
    if (!truth) {
        fprintf(stderr, "%s\n", otherwise);
        exit(2);
    }
}

static inline size_t percent_argument(const char *name, size_t standard)
{
    size_t percent = argument(name, standard);
    if (percent > 100) {
        fprintf(stderr, "%s: at most 100 percent\n", name);
        exit(2);
    }
    return percent;
}

/* Reads the arguments that all scenarios have. */
static inline void scenario_begin(int argc, char **argv)
{
    arguments_begin(argc, argv);
    scenario.seed = argument("seed", 1);
    scenario.quiet_milliseconds = (unsigned)argument("quiet", 1000);
    if (text_argument("heap") != NULL) {
        watch_heap();
    }
}

/* A zeroed table that no allocator knows of, resident from now on. */
static inline void *table_of(size_t count, size_t size)
{
    void *table = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (table == MAP_FAILED) {
        fail("out of memory for a table");
    }
    return table;
}

static inline struct block *blocks_table(size_t count)
{
    return table_of(count, sizeof(struct block));
}

/* After the tables, before the first block. */
static inline void measure_start(void)
{
    scenario.resident_at_start = resident_bytes();
    scenario.resumed = clock_seconds();
}

static inline size_t above_start(size_t resident)
{
    return resident > scenario.resident_at_start ? resident - scenario.resident_at_start : 0;
}

/* Waits without any call to the allocator, then notes the figures under a name. */
static inline void measure_quiet(const char *name)
{
    scenario.busy_seconds += clock_seconds() - scenario.resumed;
    struct timespec time = {.tv_sec = scenario.quiet_milliseconds / 1000,
                            .tv_nsec = scenario.quiet_milliseconds % 1000 * 1000000L};
    nanosleep(&time, NULL);
    struct figures *point = &scenario.points[scenario.points_count++];
    *point = (struct figures){
        .name = name, .live = scenario.live, .resident = above_start(resident_bytes())};
    follow_heap(point);
    scenario.resumed = clock_seconds();
}

static inline void print_figures(const struct figures *figures)
{
    printf(" live_%s=%zu resident_%s=%zu", figures->name, figures->live, figures->name,
           figures->resident);
    if (is_watched()) {
        printf(" heap_%s=%zu pages_%s=%zu", figures->name, figures->heap, figures->name,
               figures->pages);
    }
}

/* When everything is freed: prints the line. */
static inline void measure_end(void)
{
    scenario.peak.name = "peak";
    scenario.peak.resident = above_start(resident_bytes_peak());
    if (scenario.live != 0 || scenario.peak.live == 0) {
        fail(scenario.live != 0 ? "not everything is freed"
                                : "live: too little for a single block");
    }
    measure_quiet("freed");
    printf("seconds=%.6f", scenario.busy_seconds);
    print_figures(&scenario.peak);
    for (size_t i = 0; i < scenario.points_count; i++) {
        print_figures(&scenario.points[i]);
    }
    printf("\n");
}

/* ---- Blocks, on the account ---- */

static inline void account_more(size_t size)
{
    reach(&scenario.peak.live, __atomic_add_fetch(&scenario.live, size, __ATOMIC_RELAXED));
    follow_block(size);
}

static inline void account_less(size_t size)
{
    __atomic_sub_fetch(&scenario.live, size, __ATOMIC_RELAXED);
}

static inline struct block take(size_t size)
{
    struct block block = {allocate(size), size};
    account_more(size);
    return block;
}

/* An empty place may be given. */
static inline void give(struct block *block)
{
    if (block->memory != NULL) {
        account_less(block->size);
        release(block);
    }
}

static inline void give_all(struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        give(&blocks[i]);
    }
}

static inline void shuffle(struct block *blocks, size_t count, struct random *random)
{
    for (size_t i = count; i > 1; i--) {
        struct block *other = &blocks[random_below(random, i)];
        struct block last = blocks[i - 1];
        blocks[i - 1] = *other;
        *other = last;
    }
}

/* Frees a random part of the blocks, `percent` of them, and moves the others together. Returns how
 * many are left. */
static inline size_t give_some(struct block *blocks, size_t count, size_t percent,
                               struct random *random)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (random_below(random, 100) < percent) {
            give(&blocks[i]);
        } else {
            blocks[left++] = blocks[i];
        }
    }
    return left;
}

#endif
