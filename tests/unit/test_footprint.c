/* SPDX-License-Identifier: MIT
 * footprint.h: the account agrees with the system, and the limits hold. */
#include "kit/footprint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "heap/heap.h"
#include "kit/options.h"
#include "unit.h"

#define LARGE ((size_t)100000)

/* After any other the allocator no longer knows what it has. */
#define KNOWN_FAILURES (FAKE_EVERY_CALL & ~FAKE_ONLY(FAKE_UNMAP) & ~FAKE_ONLY(FAKE_BREAK_READ))

static size_t system_bytes(void)
{
    return fake_os_break_raised() + fake_os_mapped_bytes();
}

static void expect_account_is_true(void)
{
    ck_assert_uint_eq(brkm__footprint_totals().bytes, system_bytes());
}

/* Blocks of all kinds come, grow and go. */
static void churn(uint64_t seed, unsigned steps)
{
    enum { slots = 64 };
    void *blocks[slots] = {NULL};
    for (unsigned step = 0; step < steps; step++) {
        unsigned slot = unit_random(&seed) % slots;
        size_t size = (size_t)1 << unit_random(&seed) % 23;
        size += unit_random(&seed) % size;
        if (unit_random(&seed) % 3 == 0) {
            void *resized = brkm_realloc(blocks[slot], size);
            blocks[slot] = resized != NULL ? resized : blocks[slot];
        } else {
            brkm_free(blocks[slot]);
            blocks[slot] =
                unit_random(&seed) % 8 == 0 ? brkm_memalign(8192, size) : brkm_malloc(size);
        }
        expect_account_is_true();
    }
    for (unsigned slot = 0; slot < slots; slot++) {
        brkm_free(blocks[slot]);
    }
    expect_account_is_true();
}

START_TEST(the_account_follows_the_system)
{
    churn(1, 2000);
    brkm_malloc_trim(0);
    expect_account_is_true();
}
END_TEST

START_TEST(the_account_follows_a_failing_system)
{
    for (unsigned nth = 1; nth < 60; nth++) {
        fake_os_fail(KNOWN_FAILURES, nth, false);
        churn(nth, 30);
    }
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
    churn(3, 500);
}
END_TEST

START_TEST(the_account_follows_foreign_breaks)
{
    ck_assert_ptr_nonnull(brkm_malloc(LARGE));
    ck_assert_ptr_ne(fake_os_foreign_sbrk(12345), (void *)-1);
    churn(5, 200);
    fake_os_foreign_sbrk(-(intptr_t)PAGE);
    /* The next growth notices. */
    size_t more_than_is_free = align_up(heap_bytes_from_system(&brkm__main_heap), BRKM_ALIGNMENT);
    ck_assert_ptr_nonnull(
        brkm__heap_allocate(&brkm__main_heap, more_than_is_free, HEAP_MAY_GROW, NULL));
    churn(6, 200);
}
END_TEST

START_TEST(the_peak_has_a_time)
{
    fake_os.milliseconds = 1000;
    void *first = brkm_malloc(4 * BRKM_MIB);
    fake_os.milliseconds = 1500;
    void *second = brkm_malloc(4 * BRKM_MIB);
    size_t most = system_bytes();
    fake_os.milliseconds = 1700;
    brkm_free(first);
    brkm_free(second);
    struct footprint_totals totals = brkm__footprint_totals();
    ck_assert_uint_eq(totals.peak, most);
    ck_assert_uint_eq(totals.peak_time, 500);
    ck_assert_uint_eq(totals.age, 700);
    ck_assert_uint_lt(totals.bytes, most);
}
END_TEST

/* ---- The hard limit ---- */

static void expect_no_more(size_t limit)
{
    ck_assert_uint_le(system_bytes(), limit);
    errno = 0;
    ck_assert_ptr_null(brkm_malloc(limit));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_null(brkm_calloc(1, limit));
    ck_assert_ptr_null(brkm_memalign(4096, limit));
    ck_assert_uint_le(system_bytes(), limit);
    ck_assert_int_eq(brkm_check_heap(), 0);
}

START_TEST(malloc_fails_past_the_hard_limit)
{
    static const size_t sizes[] = {40, 3000, LARGE, BRKM_MIB};
    size_t limit = 10 * BRKM_MIB;
    size_t size = sizes[_i];
    ck_assert_int_eq(brkm_option_set("limit_hard", limit), 0);
    size_t bytes = 0;
    errno = 0;
    for (void *block = brkm_malloc(size); block != NULL; block = brkm_malloc(size)) {
        bytes += brkm_malloc_usable_size(block) + BRKM_HEADER_SIZE;
        ck_assert_uint_le(bytes, limit);
    }
    ck_assert_int_eq(errno, ENOMEM);
    /* Nearly all of it was had. */
    ck_assert_uint_gt(bytes, limit - 2 * size - 64 * BRKM_KIB);
    expect_no_more(limit);
    ck_assert_uint_gt(brkm__footprint_totals().refused, 0);
    ck_assert_int_eq(brkm_option_set("limit_hard", 0), 0);
    ck_assert_ptr_nonnull(brkm_malloc(limit));
}
END_TEST

START_TEST(the_first_request_past_the_hard_limit_is_told)
{
    void *block = brkm_malloc(6 * BRKM_MIB);
    ck_assert_int_eq(brkm_option_set("limit_hard", 10 * BRKM_MIB), 0);
    size_t before = system_bytes();
    ck_assert_ptr_null(brkm_malloc(7 * BRKM_MIB));
    unsigned long limit = 0, excess = 0, request = 0;
    int process = 0;
    int found =
        sscanf(fake_os_text(),
               "brkmalloc: a request of %lu bytes fails in process %d, as later ones without "
               "a word; memory from the system would pass limit_hard, %lu bytes, by %lu\n",
               &request, &process, &limit, &excess);
    ck_assert_msg(found == 4, "%s", fake_os_text());
    ck_assert_uint_eq(request, 7 * BRKM_MIB);
    ck_assert_uint_eq(limit, 10 * BRKM_MIB);
    ck_assert_int_eq(process, brkm__os_process_id());
    ck_assert_uint_ge(before + request - limit, 3 * BRKM_MIB);
    ck_assert_uint_ge(excess, before + request - limit);
    ck_assert_uint_le(excess, before + request - limit + PAGE);
    fake_os_forget_text();
    ck_assert_ptr_null(brkm_malloc(7 * BRKM_MIB));
    ck_assert_str_eq(fake_os_text(), "");
    fake_os.process_id++; /* a child has not said it */
    ck_assert_ptr_null(brkm_realloc(block, 11 * BRKM_MIB));
    ck_assert(unit_said("a request of 11534336 bytes fails in process "));
}
END_TEST

/* One that fails for another reason, or is served once free memory was given back. */
START_TEST(other_failures_are_not_told)
{
    volatile size_t impossible = SIZE_MAX;
    ck_assert_ptr_null(brkm_malloc(impossible));
    ck_assert_int_eq(brkm_option_set("limit_hard", 10 * BRKM_MIB), 0);
    ck_assert_ptr_null(brkm_malloc(impossible));
    static void *blocks[2000];
    for (size_t i = 0; i < 2000; i++) {
        blocks[i] = brkm_malloc(4000);
    }
    for (size_t i = 0; i < 2000; i++) {
        brkm_free(blocks[i]);
    }
    ck_assert_ptr_nonnull(brkm_malloc(9 * BRKM_MIB));
    ck_assert_uint_gt(brkm__footprint_totals().refused, 0);
    fake_os.memory_limit = fake_os_mapped_bytes() + fake_os_break_raised();
    ck_assert_ptr_null(brkm_malloc(BRKM_MIB / 2));
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(what_is_free_is_given_back_before_malloc_fails)
{
    enum { count = 2000, size = 4000 };
    static void *blocks[count];
    ck_assert_int_eq(brkm_option_set("limit_hard", 10 * BRKM_MIB), 0);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = brkm_malloc(size);
        ck_assert_ptr_nonnull(blocks[i]);
    }
    for (size_t i = 0; i < count; i++) {
        brkm_free(blocks[i]);
    }
    /* The heap holds most of the limit's bytes, free; a mapped block needs them. */
    size_t large = 9 * BRKM_MIB;
    ck_assert_ptr_nonnull(_i == 0 ? brkm_malloc(large) : brkm_memalign(64, large));
    ck_assert_uint_le(system_bytes(), 10 * BRKM_MIB);
}
END_TEST

/* Too large for the heap, which would give back what is free by itself. */
START_TEST(what_is_free_is_given_back_before_a_large_aligned_block_fails)
{
    enum { count = 2000, size = 4000 };
    static void *blocks[count];
    size_t large = BRKM_HEAP_REQUEST_MAX + BRKM_MIB;
    ck_assert_int_eq(brkm_option_set("limit_hard", large + BRKM_MIB), 0);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = brkm_malloc(size);
        ck_assert_ptr_nonnull(blocks[i]);
    }
    for (size_t i = 0; i < count; i++) {
        brkm_free(blocks[i]);
    }
    ck_assert_uint_gt(system_bytes(), BRKM_MIB);
    ck_assert_ptr_nonnull(brkm_memalign(64, large));
    ck_assert_uint_le(system_bytes(), large + BRKM_MIB);
}
END_TEST

START_TEST(a_mapped_block_does_not_grow_past_the_hard_limit)
{
    ck_assert_int_eq(brkm_option_set("limit_hard", 10 * BRKM_MIB), 0);
    char *block = brkm_malloc(6 * BRKM_MIB);
    ck_assert_ptr_nonnull(block);
    unit_fill(block, 6 * BRKM_MIB, 1);
    ck_assert_ptr_null(brkm_realloc(block, 11 * BRKM_MIB));
    ck_assert(unit_is_filled(block, 6 * BRKM_MIB, 1));
    block = brkm_realloc(block, 9 * BRKM_MIB);
    ck_assert_ptr_nonnull(block);
    ck_assert(unit_is_filled(block, 6 * BRKM_MIB, 1));
    ck_assert_uint_le(system_bytes(), 10 * BRKM_MIB);
}
END_TEST

/* ---- The soft limit ---- */

START_TEST(past_the_soft_limit_free_pages_go_first)
{
    enum { count = 100 };
    void *blocks[count];
    ck_assert_int_eq(brkm_option_set("limit_soft", 12 * BRKM_MIB), 0);
    ck_assert_int_eq(brkm_option_set("purge_threshold", BRKM_GIB), 0);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = brkm_malloc(LARGE);
    }
    for (size_t i = 0; i < count; i += 2) {
        brkm_free(blocks[i]);
    }
    ck_assert_uint_eq(brkm__footprint_totals().purges, 0);
    /* None of the holes is large enough. */
    for (size_t i = 0; i < count; i += 2) {
        ck_assert_ptr_nonnull(brkm_malloc(2 * LARGE));
    }
    struct footprint_totals totals = brkm__footprint_totals();
    ck_assert_uint_ge(totals.relieved, 1);
    ck_assert_uint_le(totals.relieved, 20);
    ck_assert_uint_eq(totals.purges, count / 2);
    ck_assert_uint_ge(totals.purged_bytes, count / 2 * (LARGE - 2 * PAGE));
    expect_account_is_true();
}
END_TEST

START_TEST(relief_begins_again_after_the_footprint_fell)
{
    ck_assert(!brkm__footprint_wants_relief(BRKM_GIB));
    ck_assert_int_eq(brkm_option_set("limit_soft", 16 * BRKM_MIB), 0);
    ck_assert(!brkm__footprint_wants_relief(16 * BRKM_MIB));
    ck_assert(brkm__footprint_wants_relief(17 * BRKM_MIB));
    ck_assert(!brkm__footprint_wants_relief(18 * BRKM_MIB));
    ck_assert(brkm__footprint_wants_relief(18 * BRKM_MIB + 1));
    ck_assert(!brkm__footprint_wants_relief(16 * BRKM_MIB));
    ck_assert(brkm__footprint_wants_relief(16 * BRKM_MIB + 1));
}
END_TEST

START_TEST(near_the_soft_limit_no_more_is_asked_for_than_needed)
{
    ck_assert_uint_eq(brkm__footprint_moderate(100, 32 * BRKM_MIB), 32 * BRKM_MIB);
    ck_assert_int_eq(brkm_option_set("limit_soft", 16 * BRKM_MIB), 0);
    ck_assert_uint_eq(brkm__footprint_moderate(100, 32 * BRKM_MIB), BRKM_GROW_MIN);
    ck_assert_uint_eq(brkm__footprint_moderate(20 * BRKM_MIB, 32 * BRKM_MIB), 20 * BRKM_MIB);
    ck_assert_uint_eq(brkm__footprint_moderate(100, BRKM_MIB), BRKM_MIB);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("footprint");
    TCase *account = unit_case(suite, "account");
    tcase_add_test(account, the_account_follows_the_system);
    tcase_add_test(account, the_account_follows_a_failing_system);
    tcase_add_test(account, the_account_follows_foreign_breaks);
    tcase_add_test(account, the_peak_has_a_time);
    TCase *limits = unit_case(suite, "limits");
    tcase_add_loop_test(limits, malloc_fails_past_the_hard_limit, 0, 4);
    tcase_add_test(limits, the_first_request_past_the_hard_limit_is_told);
    tcase_add_test(limits, other_failures_are_not_told);
    tcase_add_loop_test(limits, what_is_free_is_given_back_before_malloc_fails, 0, 2);
    tcase_add_test(limits, what_is_free_is_given_back_before_a_large_aligned_block_fails);
    tcase_add_test(limits, a_mapped_block_does_not_grow_past_the_hard_limit);
    tcase_add_test(limits, past_the_soft_limit_free_pages_go_first);
    tcase_add_test(limits, relief_begins_again_after_the_footprint_fell);
    tcase_add_test(limits, near_the_soft_limit_no_more_is_asked_for_than_needed);
    return suite;
}
