/* SPDX-License-Identifier: MIT
 *
 * Threads allocate, resize and free in every way, hand blocks to each other through shared slots,
 * die and are replaced; contents are checked all the time.
 *
 * Usage: stress DOOR [SECONDS [THREADS [SEED]]]
 * BRKM_STRESS_SEED in the environment sets the seed when no argument does. The seed is printed. It
 * fixes what each thread asks for, not how the threads interleave.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "../api/api.h"
#include "../support/door.h"

enum { own_slots = 200, shared_slots = 1000, most_threads = 64, steps_of_a_life = 40000 };

struct block {
    unsigned char *bytes;
    size_t size;
    size_t alignment; /* more than 16 only for aligned blocks */
    unsigned seed;
};

struct worker {
    pthread_t thread;
    unsigned seed;
    unsigned long steps;
    struct block blocks[own_slots];
};

/* Each slot holds one block that any thread may take or exchange. */
static struct block *_Atomic shared[shared_slots];
static atomic_int stop;

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

static size_t random_size(unsigned *state)
{
    unsigned kind = api_random(state) % 1000;
    if (kind < 700)
        return api_random(state) % 300;
    if (kind < 950)
        return api_random(state) % 8000;
    if (kind < 995)
        return api_random(state) % 100000;
    return api_random(state) % 1500000;
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
    write_pattern(block);
}

static void release(struct block *block)
{
    if (block->bytes == NULL)
        return;
    check_pattern(block, block->size);
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

static int heap_violations(void)
{
#ifdef API_PREFIXED
    return brkm_check_heap();
#else
    return door_check_heap();
#endif
}

int main(int argc, char **argv)
{
    static struct worker workers[most_threads];
    int seconds = argc > 2 ? atoi(argv[2]) : 10;
    int threads = argc > 3 ? atoi(argv[3]) : 8;
    unsigned seed = choose_seed(argc, argv);
    unsigned long steps = 0;
    unsigned long lives = 0;
    time_t end = time(NULL) + seconds;
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
    for (int i = 0; time(NULL) < end; i = (i + 1) % threads) {
        CHECK_EQ_INT(pthread_join(workers[i].thread, NULL), 0);
        lives++;
        if (lives % 16 == 0)
            CHECK_EQ_INT(heap_violations(), 0);
        start(&workers[i]);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < threads; i++) {
        CHECK_EQ_INT(pthread_join(workers[i].thread, NULL), 0);
        steps += workers[i].steps;
    }
    CHECK_EQ_INT(heap_violations(), 0);
    release_everything(workers, threads);
    CHECK_EQ_INT(heap_violations(), 0);
    printf("%lu steps, %lu threads\n", steps, lives + (unsigned long)threads);
    CHECK_TRUE(steps > 0);
    return door_done();
}
