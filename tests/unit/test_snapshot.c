/* SPDX-License-Identifier: MIT
 * stats/stats.h: the sums agree with each other, with the system, and with what the test holds. */
#include "stats/stats.h"

#include <pthread.h>
#include <stdatomic.h>

#include "cache/depot.h"
#include "heap/heaps.h"
#include "heap/size_class.h"
#include "unit.h"

/* What one region, one cache and one mapped block may cost beyond their blocks. */
#define REGION_OVERHEAD ((size_t)64)
#define CACHE_OVERHEAD (sizeof(struct thread_cache) + 64)
#define MAPPED_OVERHEAD ((size_t)32)

/* The map of chunks is off the account. */
static size_t map_bytes(void)
{
    return chunks_exist() ? BRKM_CHUNK_GRANULES + 2 * PAGE : 0;
}

/* Both edges of each chunk. */
static size_t chunk_overhead(void)
{
    return brkm__main_heap.chunk_bytes / BRKM_CHUNK_GRANULE * 3 * BRKM_MIN_BLOCK;
}

static void expect_identity(const struct snapshot *now)
{
    ck_assert_uint_eq(now->memory_in_use + now->memory_cached + now->memory_free +
                          now->memory_overhead,
                      now->memory_total);
    ck_assert_uint_le(now->memory_overhead, now->memory_total);
    ck_assert_uint_le(now->memory_total, now->peak_total);
    ck_assert_uint_eq(now->heap_damaged, 0);
    ck_assert_uint_eq(now->locks_all, now->locks_heap + now->locks_mapped + now->locks_guarded +
                                          now->locks_caches + now->locks_depot);
}

/* While nothing happens every number has a second source. */
static void expect_true_at_rest(size_t table_bytes)
{
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    ck_assert_ptr_nonnull(detail);
    expect_identity(&now);
    size_t mapped_by_detail = align_up(sizeof(*detail), PAGE);
    ck_assert_uint_eq(now.memory_total, fake_os_break_raised() + fake_os_mapped_bytes() -
                                            mapped_by_detail - map_bytes());
    ck_assert_uint_le(now.memory_overhead,
                      now.heap_regions * REGION_OVERHEAD + now.caches_threads * CACHE_OVERHEAD +
                          now.in_use_mapped_blocks * MAPPED_OVERHEAD + table_bytes +
                          brkm__depot_totals().own_bytes + chunk_overhead());
    struct block_totals sums[SNAPSHOT_STATES] = {0};
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        for (unsigned state = 0; state < SNAPSHOT_STATES; state++) {
            const struct block_totals *totals = &detail->classes[bin][state];
            sums[state].blocks += totals->blocks;
            sums[state].bytes += totals->bytes;
            if (totals->blocks != 0) {
                ck_assert_uint_ge(totals->smallest, size_class_lower_bound(bin));
                ck_assert_uint_eq(size_class_bin(totals->largest), bin);
            }
        }
    }
    struct heaps_totals totals = brkm__heaps_totals();
    ck_assert_uint_eq(sums[SNAPSHOT_IN_USE].blocks, now.in_use_heap_blocks);
    ck_assert_uint_eq(sums[SNAPSHOT_IN_USE].bytes + sums[SNAPSHOT_CACHED].bytes,
                      totals.in_use_bytes);
    ck_assert_uint_eq(sums[SNAPSHOT_CACHED].blocks, brkm__snapshot_cached_blocks(&now));
    ck_assert_uint_eq(sums[SNAPSHOT_CACHED].bytes, now.memory_cached);
    ck_assert_uint_ge(now.memory_cached, now.caches_bytes + now.caches_depot_bytes);
    ck_assert_uint_eq(sums[SNAPSHOT_FREE].blocks, now.heap_free_blocks);
    ck_assert_uint_eq(sums[SNAPSHOT_FREE].bytes, totals.free_bytes);
    ck_assert_uint_eq(sums[SNAPSHOT_FREE].bytes + now.heap_top, now.heap_free);
    ck_assert_uint_eq(now.served_heap_blocks - now.served_heap_frees, totals.in_use_blocks);
    uint64_t cached = 0;
    ck_assert_uint_eq(detail->caches_listed, now.caches_threads);
    for (size_t i = 0; i < detail->caches_listed; i++) {
        cached += detail->caches[i].bytes;
    }
    ck_assert_uint_eq(cached, now.caches_bytes);
    brkm__snapshot_end(detail);
    struct snapshot quick = brkm__snapshot_of_counters();
    expect_identity(&quick);
    ck_assert_uint_eq(quick.memory_total, now.memory_total);
    ck_assert_uint_eq(quick.memory_free, now.memory_free);
}

/* ---- Random work ---- */

enum { BLOCKS = 300 };

struct worker {
    uint64_t seed;
    unsigned powers; /* sizes are below two to this power */
    void *blocks[BLOCKS];
};

static void work(struct worker *worker, unsigned steps)
{
    for (unsigned step = 0; step < steps; step++) {
        unsigned slot = unit_random(&worker->seed) % BLOCKS;
        size_t size = (size_t)1 << unit_random(&worker->seed) % (worker->powers - 1);
        size += unit_random(&worker->seed) % size;
        switch (unit_random(&worker->seed) % 4) {
        case 0:
            worker->blocks[slot] = brkm_realloc(worker->blocks[slot], size);
            break;
        case 1:
            brkm_free(worker->blocks[slot]);
            worker->blocks[slot] =
                brkm_memalign((size_t)1 << unit_random(&worker->seed) % 14, size);
            break;
        default:
            brkm_free(worker->blocks[slot]);
            worker->blocks[slot] = unit_random(&worker->seed) % 3 == 0 ? NULL : brkm_malloc(size);
            break;
        }
    }
}

static size_t held_bytes(const struct worker *worker)
{
    size_t bytes = 0;
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        bytes += brkm_malloc_usable_size(worker->blocks[slot]);
    }
    return bytes;
}

START_TEST(the_sums_are_true_after_random_work)
{
    static struct worker worker;
    worker.seed = 1;
    worker.powers = 21;
    /* The table of mapped blocks gets a mapping of its own, and may grow. */
    size_t table_bytes = BRKM_MIB;
    for (int round = 0; round < 30; round++) {
        work(&worker, 400);
        expect_true_at_rest(table_bytes);
        struct snapshot now = brkm__snapshot_of_counters();
        ck_assert_uint_ge(now.memory_in_use, held_bytes(&worker));
    }
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        brkm_free(worker.blocks[slot]);
    }
    expect_true_at_rest(table_bytes);
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    ck_assert_uint_eq(now.memory_in_use, 0);
    ck_assert_uint_eq(now.in_use_heap_blocks, 0);
    brkm__snapshot_end(detail);
    ck_assert_int_eq(brkm_malloc_trim(0), 1);
    expect_true_at_rest(table_bytes);
}
END_TEST

START_TEST(what_is_held_is_what_is_in_use)
{
    enum { count = 100 };
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        void *block = brkm_malloc(40 * i);
        bytes += brkm_malloc_usable_size(block) + BRKM_HEADER_SIZE;
        ck_assert_ptr_nonnull(block);
    }
    size_t mapped = brkm_malloc_usable_size(brkm_malloc(3 * BRKM_MIB));
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    ck_assert_uint_eq(now.in_use_heap_blocks, count);
    ck_assert_uint_eq(now.in_use_heap_bytes, bytes);
    ck_assert_uint_eq(now.memory_in_use, bytes + mapped);
    ck_assert_uint_eq(now.in_use_mapped_blocks, 1);
    brkm__snapshot_end(detail);
}
END_TEST

START_TEST(fallback_regions_and_foreign_breaks_are_in_the_sums)
{
    static struct worker worker;
    worker.seed = 2;
    worker.powers = 21;
    work(&worker, 300);
    fake_os_foreign_sbrk(12345);
    work(&worker, 3000);
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
    work(&worker, 3000);
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    expect_identity(&now);
    ck_assert_uint_ge(now.heap_regions, 2);
    ck_assert_uint_ge(now.memory_in_use, held_bytes(&worker));
    brkm__snapshot_end(detail);
    ck_assert_uint_eq(brkm__snapshot_of_counters().memory_total,
                      fake_os_break_raised() + fake_os_mapped_bytes());
}
END_TEST

/* ---- Threads ---- */

enum { THREADS = 4 };

/* No mapped blocks: the fake system's mappings are for one thread. */
enum { HEAP_POWERS = 17 };

static pthread_barrier_t rest;

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    for (int round = 0; round < 10; round++) {
        work(worker, 500);
        pthread_barrier_wait(&rest);
        pthread_barrier_wait(&rest);
    }
    return NULL;
}

START_TEST(the_sums_are_true_whenever_threads_rest)
{
    static struct worker workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_init(&rest, NULL, THREADS + 1);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].seed = i + 10;
        workers[i].powers = HEAP_POWERS;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
    }
    for (int round = 0; round < 10; round++) {
        /* Nobody rests: the identity holds all the same. */
        struct snapshot now = brkm__snapshot_of_counters();
        expect_identity(&now);
        pthread_barrier_wait(&rest);
        expect_true_at_rest(BRKM_MIB);
        pthread_barrier_wait(&rest);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}
END_TEST

static atomic_bool done;

static void *work_until_done(void *argument)
{
    while (!atomic_load(&done)) {
        work(argument, 100);
    }
    return NULL;
}

START_TEST(the_walk_adds_up_while_threads_work)
{
    static struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].seed = i + 20;
        workers[i].powers = HEAP_POWERS;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work_until_done, &workers[i]), 0);
    }
    for (int round = 0; round < 300; round++) {
        struct snapshot_detail *detail;
        struct snapshot now = brkm__snapshot_begin(&detail);
        expect_identity(&now);
        brkm__snapshot_end(detail);
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    expect_true_at_rest(BRKM_MIB);
}
END_TEST

START_TEST(behind_a_damaged_header_the_rest_is_named)
{
    ck_assert_ptr_nonnull(brkm_malloc(100000));
    /* What stands in front of a block is none of the compiler's business. */
    volatile char *header = (volatile char *)((uintptr_t)brkm_malloc(100000) - 1);
    *header = (char)~*header;
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    ck_assert_uint_gt(now.heap_damaged, 100000);
    ck_assert_uint_ge(now.in_use_heap_bytes, 100000);
    ck_assert_uint_lt(now.in_use_heap_bytes, 200000);
    ck_assert_uint_eq(now.memory_in_use + now.memory_cached + now.memory_free + now.memory_overhead,
                      now.memory_total);
    brkm__snapshot_end(detail);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *alone = unit_case(suite, "alone");
    tcase_add_test(alone, the_sums_are_true_after_random_work);
    tcase_add_test(alone, what_is_held_is_what_is_in_use);
    tcase_add_test(alone, fallback_regions_and_foreign_breaks_are_in_the_sums);
    tcase_add_test(alone, behind_a_damaged_header_the_rest_is_named);
    TCase *threads = unit_case(suite, "threads");
    tcase_add_test(threads, the_sums_are_true_whenever_threads_rest);
    tcase_add_test(threads, the_walk_adds_up_while_threads_work);
    return suite;
}
