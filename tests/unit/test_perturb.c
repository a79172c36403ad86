/* SPDX-License-Identifier: MIT
 * perturb.h: what is filled, and what is not. */
#include "malloc/perturb.h"

#include <pthread.h>
#include <string.h>

#include "cache/cache_life.h"
#include "cache/cache_registry.h"
#include "heap/heap.h"
#include "unit.h"

#define BYTE ((size_t)0x5a)
#define COMPLEMENT ((unsigned char)0xa5)

/* Small, cached medium, heap, mapped. */
static const size_t sizes[] = {1, 24, 100, 2000, 3000, 60000, 200000, 3000000};
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

static bool is_all(const unsigned char *bytes, size_t size, unsigned char byte)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != byte) {
            return false;
        }
    }
    return true;
}

static void switch_on(void)
{
    ck_assert_int_eq(brkm_option_set("perturb", BYTE), 0);
}

START_TEST(new_memory_is_filled)
{
    size_t size = sizes[_i];
    brkm_free(brkm_malloc(size));
    switch_on();
    for (int round = 0; round < 3; round++) {
        unsigned char *block = brkm_malloc(size);
        ck_assert(is_all(block, size, COMPLEMENT));
        memset(block, 1, size);
        brkm_free(block);
        block = brkm_memalign(64, size);
        ck_assert(is_all(block, size, COMPLEMENT));
        memset(block, 2, size);
        brkm_free(block);
    }
}
END_TEST

START_TEST(calloc_clears_all_the_same)
{
    size_t size = sizes[_i];
    switch_on();
    for (int round = 0; round < 3; round++) {
        unsigned char *block = brkm_malloc(size);
        memset(block, 1, size);
        brkm_free(block);
        block = brkm_calloc(1, size);
        ck_assert(unit_is_zero(block, size));
        memset(block, 2, size);
        brkm_free(block);
    }
}
END_TEST

START_TEST(realloc_keeps_the_contents_and_fills_what_is_gained)
{
    size_t size = sizes[_i];
    switch_on();
    unsigned char *block = brkm_malloc(size);
    unit_fill(block, size, 7);
    size_t usable = brkm_malloc_usable_size(block);
    block = brkm_realloc(block, 5 * size);
    ck_assert(unit_is_filled(block, size, 7));
    ck_assert(is_all(block + usable, max_size(5 * size, usable) - usable, COMPLEMENT));
    block = brkm_realloc(block, size);
    ck_assert(unit_is_filled(block, size, 7));
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

#if !BRKM_VALGRIND
START_TEST(freed_memory_is_filled)
{
    size_t size = sizes[_i];
    switch_on();
    /* What the heap writes into a free block stands at its ends; a mapped block is gone. */
    size_t ends = 32;
    if (size < 3 * ends || size > BRKM_MIB) {
        return;
    }
    unsigned char *block = brkm_malloc(size);
    void *guard = brkm_malloc(size);
    memset(block, 1, size);
    brkm_free(block);
    ck_assert(is_all(block + ends, size - 2 * ends, (unsigned char)BYTE));
    brkm_free(guard);
}
END_TEST
#endif

START_TEST(caches_are_closed_meanwhile)
{
    brkm_free(brkm_malloc(100));
    ck_assert_uint_eq(brkm__cache_totals().threads, 1);
    ck_assert_uint_ge(brkm__cache_totals().blocks, 1);
    switch_on();
    ck_assert_uint_eq(brkm__cache_totals().threads, 0);
    brkm_free(brkm_malloc(100));
    ck_assert_uint_eq(brkm__cache_totals().threads, 0);
    ck_assert_uint_eq(brkm_mallinfo2().uordblks, 0);
    ck_assert_int_eq(brkm_mallopt(-6, 0), 1);
    brkm_free(brkm_malloc(100));
    ck_assert_uint_eq(brkm__cache_totals().threads, 1);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

static pthread_barrier_t barrier;

static void *other_thread(void *unused)
{
    static void *blocks[1000];
    brkm_free(brkm_malloc(100));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < 1000; i++) {
        blocks[i] = brkm_malloc(100);
    }
    unsigned char *block = brkm_malloc(100);
    ck_assert(is_all(block, 100, COMPLEMENT));
    ck_assert_uint_eq(brkm__cache_totals().threads, 0);
    for (size_t i = 0; i < 1000; i++) {
        brkm_free(blocks[i]);
    }
    return unused;
}

START_TEST(other_threads_notice_when_their_caches_run_dry)
{
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    brkm__cache_watch_threads();
    ck_assert_int_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
    pthread_barrier_wait(&barrier);
    ck_assert_uint_eq(brkm__cache_totals().threads, 1);
    switch_on();
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("perturb");
    TCase *filling = unit_case(suite, "filling");
    tcase_add_loop_test(filling, new_memory_is_filled, 0, SIZES);
    tcase_add_loop_test(filling, calloc_clears_all_the_same, 0, SIZES);
    tcase_add_loop_test(filling, realloc_keeps_the_contents_and_fills_what_is_gained, 0, SIZES);
#if !BRKM_VALGRIND
    tcase_add_loop_test(filling, freed_memory_is_filled, 0, SIZES);
#endif
    TCase *caches = unit_case(suite, "caches");
    tcase_add_test(caches, caches_are_closed_meanwhile);
    tcase_add_test(caches, other_threads_notice_when_their_caches_run_dry);
    return suite;
}
