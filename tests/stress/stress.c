/* SPDX-License-Identifier: MIT
 *
 * Threads allocate, resize and free in every way, hand blocks to each other through shared slots,
 * trim, fork, die and are replaced; contents are checked all the time, the heap is walked, and
 * resident memory must stay in proportion to what is live.
 *
 * Usage: stress DOOR [SECONDS [THREADS [SEED]]]
 * BRKM_STRESS_SEED in the environment sets the seed when no argument does. The seed is printed. It
 * fixes what each thread asks for, not how the threads interleave.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../api/api.h"
#include "../support/clock.h"
#include "../support/door.h"

enum { own_slots = 200, shared_slots = 1000, most_threads = 64, steps_of_a_life = 40000 };

/* One step of so many is a malloc_trim, or a fork. */
enum { steps_per_trim = 5000, steps_per_fork = 20000 };

/* The sanitizers have memory of their own, and do not follow the child of a threaded program. */
#ifdef BRKM_SANITIZED
static const int is_sanitized = 1;
#else
static const int is_sanitized = 0;
#endif

struct block {
    unsigned char *bytes;
    size_t size;
    size_t alignment; /* more than 16 only for aligned blocks */
    unsigned seed;
};

struct worker {
    pthread_t thread;
    unsigned seed;
    unsigned long steps, trims, forks;
    struct block blocks[own_slots];
};

/* Each slot holds one block that any thread may take or exchange. */
static struct block *_Atomic shared[shared_slots];
static atomic_int stop;

/* Requested bytes that are live, now and at most. Written by all threads, relaxed: each number is
 * right by itself. */
static _Atomic long live_bytes, live_peak;

/* Every byte of small blocks; the ends of large ones. */
enum { checked_end = 96 };

static unsigned char tag(const struct block *block, size_t offset)
{
    return (unsigned char)(block->seed + offset * 5);
}

static void write_pattern(struct block *block)
{
    size_t tail = block->size > checked_end ? block->size - checked_end : 0;
    for (size_t i = 0; i < block->size && i < checked_end; i++)
        block->bytes[i] = tag(block, i);
    for (size_t i = tail; i < block->size; i++)
        block->bytes[i] = tag(block, i);
}

/* `end` is less than the size where a realloc has cut the block. */
static void check_pattern(const struct block *block, size_t end)
{
    size_t tail = block->size > checked_end ? block->size - checked_end : 0;
    check_note("block size", block->size);
    for (size_t i = 0; i < end && i < checked_end; i++)
        CHECK_EQ_UINT(block->bytes[i], tag(block, i));
    for (size_t i = tail; i < end; i++)
        CHECK_EQ_UINT(block->bytes[i], tag(block, i));
}

static void count_live(long bytes)
{
    long live = atomic_fetch_add_explicit(&live_bytes, bytes, memory_order_relaxed) + bytes;
    long most = atomic_load_explicit(&live_peak, memory_order_relaxed);
    while (live > most && !atomic_compare_exchange_weak_explicit(
                              &live_peak, &most, live, memory_order_relaxed, memory_order_relaxed))
        ;
}

static size_t random_size(unsigned *state)
{
    unsigned kind = api_random(state) % 1000;
    if (kind < 700)
        return api_random(state) % 300;
    if (kind < 950)
        return api_random(state) % 8000;
    if (kind < 995)
        return api_random(state) % 100000;
    if (api_random(state) % 200 != 0)
        return api_random(state) % 1500000;
    return api_random(state) % 48000000;
}

static void allocate(struct block *block, unsigned *state)
{
    void *aligned = NULL;
    block->size = random_size(state);
    block->seed = api_random(state);
    block->alignment = 16;
    switch (api_random(state) % 8) {
    case 0:
        block->bytes = calloc(1, block->size);
        CHECK_NOT_NULL(block->bytes);
        CHECK_TRUE(api_is_zero(block->bytes, block->size));
        break;
    case 1:
        block->alignment = (size_t)16 << (api_random(state) % 9);
        block->bytes = aligned_alloc(block->alignment, block->size);
        break;
    case 2:
        block->alignment = (size_t)16 << (api_random(state) % 9);
        if (api_random(state) % 2 != 0)
            block->size = block->alignment * (1 + api_random(state) % 4);
        CHECK_EQ_INT(posix_memalign(&aligned, block->alignment, block->size), 0);
        block->bytes = aligned;
        break;
    case 3:
        block->bytes = realloc(NULL, block->size);
        break;
    default:
        block->bytes = malloc(block->size);
        break;
    }
    CHECK_NOT_NULL(block->bytes);
    CHECK_ALIGNED(block->bytes, block->alignment);
    CHECK_GE_UINT(malloc_usable_size(block->bytes), block->size);
    count_live((long)block->size);
    write_pattern(block);
}

static void release(struct block *block)
{
    if (block->bytes == NULL)
        return;
    check_pattern(block, block->size);
    count_live(-(long)block->size);
    free(block->bytes);
    block->bytes = NULL;
}

static void resize(struct block *block, unsigned *state)
{
    size_t size = random_size(state) + 1;
    if (block->bytes == NULL)
        return;
    check_pattern(block, block->size);
    block->bytes = realloc(block->bytes, size);
    CHECK_NOT_NULL(block->bytes);
    check_pattern(block, size < block->size ? size : block->size);
    count_live((long)size - (long)block->size);
    block->size = size;
    write_pattern(block);
}

/* Puts a block into a shared slot and frees whatever another thread had put there. */
static void exchange(struct block *block, unsigned *state)
{
    struct block *given;
    struct block *taken;
    if (block->bytes == NULL)
        return;
    given = malloc(sizeof *given);
    CHECK_NOT_NULL(given);
    *given = *block;
    block->bytes = NULL;
    taken = atomic_exchange(&shared[api_random(state) % shared_slots], given);
    if (taken != NULL) {
        release(taken);
        free(taken);
    }
}

static int heap_violations(void)
{
#ifdef API_PREFIXED
    return brkm_check_heap();
#else
    return door_check_heap();
#endif
}

/* What the child of a fork finds is whole, and it can go on: with the blocks of its own thread, and
 * with what others had laid into the shared slots. */
static void live_as_child(struct worker *worker, unsigned *state)
{
    for (size_t i = 0; i < own_slots; i++) {
        release(&worker->blocks[i]);
        allocate(&worker->blocks[i], state);
    }
    for (size_t i = 0; i < shared_slots; i += 7) {
        struct block *block = atomic_exchange(&shared[i], NULL);
        if (block != NULL) {
            release(block);
            free(block);
        }
    }
    CHECK_EQ_INT(heap_violations(), 0);
    _exit(0);
}

static void fork_sometimes(struct worker *worker, unsigned *state)
{
    if (!is_sanitized && api_random(state) % steps_per_fork == 0) {
        pid_t child = fork();
        CHECK_GE_INT(child, 0);
        if (child == 0)
            live_as_child(worker, state);
        CHECK_CHILD(child);
        worker->forks++;
    }
}

static void trim_sometimes(struct worker *worker, unsigned *state)
{
    if (api_random(state) % steps_per_trim == 0) {
        malloc_trim(api_random(state) % 2 * MIB);
        worker->trims++;
    }
}

static void *live(void *argument)
{
    struct worker *worker = argument;
    unsigned state = worker->seed;
    for (int step = 0; step < steps_of_a_life && !atomic_load(&stop); step++) {
        struct block *block = &worker->blocks[api_random(&state) % own_slots];
        unsigned what = api_random(&state) % 10;
        if (what < 2)
            resize(block, &state);
        else if (what < 5)
            exchange(block, &state);
        else
            release(block);
        if (block->bytes == NULL)
            allocate(block, &state);
        trim_sometimes(worker, &state);
        fork_sometimes(worker, &state);
        worker->steps++;
    }
    /* Half of the blocks stay for the next thread in this place. */
    for (size_t i = 0; i < own_slots; i += 2)
        release(&worker->blocks[i]);
    worker->seed = api_random(&state);
    return NULL;
}

static void start(struct worker *worker)
{
    CHECK_EQ_INT(pthread_create(&worker->thread, NULL, live, worker), 0);
}

static unsigned choose_seed(int argc, char **argv)
{
    struct timespec now;
    const char *wanted = argc > 4 ? argv[4] : getenv("BRKM_STRESS_SEED");
    if (wanted != NULL)
        return (unsigned)strtoul(wanted, NULL, 0);
    clock_gettime(CLOCK_REALTIME, &now);
    return (unsigned)now.tv_nsec ^ (unsigned)now.tv_sec;
}

static void release_everything(struct worker *workers, int threads)
{
    for (size_t i = 0; i < shared_slots; i++) {
        struct block *block = atomic_exchange(&shared[i], NULL);
        if (block != NULL) {
            release(block);
            free(block);
        }
    }
    for (int i = 0; i < threads; i++)
        for (size_t j = 0; j < own_slots; j++)
            release(&workers[i].blocks[j]);
}

/* ---- Memory ---- */

/* What may be resident beside twice what is live: the program itself, caches of all threads, and
 * what freed large blocks leave for a moment. */
static const size_t resident_allowance = 24 * MIB;

/* What may be resident beside what was at the start once all is freed and trimmed: stacks that libc
 * keeps for new threads, tables of the allocator. */
static const size_t rest_allowance = 4 * MIB;

static struct {
    size_t resident;
    unsigned long looks;
} peak;

/* Resident bytes of the process; 0 where that cannot be read. */
static size_t resident_bytes(void)
{
    unsigned long whole = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &whole, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* How many freed bytes the mode keeps from being used again. */
static size_t quarantine_bytes(void)
{
#ifdef API_PREFIXED
    size_t bytes = 0;
    CHECK_EQ_INT(brkm_option_get("quarantine", &bytes), 0);
    return bytes;
#else
    return door_option("quarantine");
#endif
}

static void check_memory(void)
{
    size_t resident = resident_bytes();
    if (resident > peak.resident)
        peak.resident = resident;
    peak.looks++;
    if (!is_sanitized)
        CHECK_LE_UINT(resident, 2 * (size_t)atomic_load(&live_peak) + quarantine_bytes() +
                                    resident_allowance);
}

/* All is freed, and what was resident for it is gone. */
static void check_rest(size_t at_start)
{
    CHECK_EQ_INT(heap_violations(), 0);
    CHECK_EQ_INT(atomic_load(&live_bytes), 0);
    malloc_trim(0);
    printf("%zu KiB resident at the start, %zu KiB once all was freed\n", at_start / KIB,
           resident_bytes() / KIB);
    if (!is_sanitized)
        CHECK_LE_UINT(resident_bytes(), at_start + rest_allowance);
}

static void check_everything(void)
{
    CHECK_EQ_INT(heap_violations(), 0);
    check_memory();
}

static void print_figures(const struct worker *workers, int threads, unsigned long lives)
{
    unsigned long steps = 0, trims = 0, forks = 0;
    for (int i = 0; i < threads; i++) {
        steps += workers[i].steps;
        trims += workers[i].trims;
        forks += workers[i].forks;
    }
    printf("%lu steps, %lu threads, %lu forks, %lu trims, %lu walks of the heap, "
           "peaks: %zu MiB live, %zu MiB resident\n",
           steps, lives, forks, trims, peak.looks, (size_t)atomic_load(&live_peak) / MIB,
           peak.resident / MIB);
    CHECK_GE_UINT(steps, 1000);
}

int main(int argc, char **argv)
{
    static struct worker workers[most_threads];
    int seconds = argc > 2 ? atoi(argv[2]) : 10;
    int threads = argc > 3 ? atoi(argv[3]) : 8;
    unsigned seed = choose_seed(argc, argv);
    unsigned long lives = 0;
    size_t at_start = resident_bytes();
    double end = clock_seconds() + seconds;
    door_require(argc, argv);
    if (seconds < 1 || threads < 1 || threads > most_threads) {
        fputs("usage: stress DOOR [SECONDS [THREADS [SEED]]]\n", stderr);
        return 2;
    }
    printf("seed %u, %d threads, %d s\n", seed, threads, seconds);
    fflush(stdout);
    for (int i = 0; i < threads; i++) {
        workers[i].seed = seed + (unsigned)i * 7919;
        start(&workers[i]);
    }
    for (int i = 0; clock_seconds() < end; i = (i + 1) % threads) {
        CHECK_EQ_INT(pthread_join(workers[i].thread, NULL), 0);
        lives++;
        if (lives % 16 == 0)
            check_everything();
        start(&workers[i]);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < threads; i++)
        CHECK_EQ_INT(pthread_join(workers[i].thread, NULL), 0);
    check_everything();
    release_everything(workers, threads);
    check_rest(at_start);
    print_figures(workers, threads, lives + (unsigned long)threads);
    return door_done();
}
