/* SPDX-License-Identifier: MIT
 * The records of the heap profile against a model: stacks, blocks in use, the peak, and the end of
 * memory. This file is compiled with frame pointers. */
#include <string.h>

#include "kit/backtrace.h"
#include "kit/footprint.h"
#include "profile/records.h"
#include "unit.h"

#define ADDRESSES 6000

static struct sample_weight weight_of(uint64_t bytes)
{
    return (struct sample_weight){bytes, SAMPLING_BLOCK};
}

static void *address_of(size_t i)
{
    /* Far apart, side by side, and the same but for high bits. */
    static const uintptr_t steps[] = {16, 4096, (uintptr_t)1 << 32};
    return (void *)(((uintptr_t)1 << 20) + i / 3 * steps[i % 3] + (i % 3 << 40));
}

/* Three places that ask, which are three stacks. */
BRKM_NOINLINE static bool add_here(size_t i, uint64_t bytes)
{
    bool added = brkm__profile_add(address_of(i), weight_of(bytes));
    __asm__ volatile("");
    return added;
}

BRKM_NOINLINE static bool add_there(size_t i, uint64_t bytes)
{
    bool added = brkm__profile_add(address_of(i), weight_of(bytes));
    __asm__ volatile("" : : "r"(i));
    return added;
}

BRKM_NOINLINE static bool add_by_way(size_t i, uint64_t bytes)
{
    bool added = add_here(i, bytes);
    __asm__ volatile("");
    return added;
}

static bool (*const ways[])(size_t, uint64_t) = {add_here, add_there, add_by_way};
#define WAYS 3

START_TEST(records_come_and_go_as_in_a_model)
{
    static uint64_t model[ADDRESSES];
    static unsigned way_of[ADDRESSES];
    uint64_t live[WAYS] = {0};
    uint64_t total[WAYS] = {0};
    uint64_t random = 3;
    size_t count = 0;
    ck_assert(brkm__profile_begin());
    for (size_t step = 0; step < 200000; step++) {
        size_t i = unit_random(&random) % ADDRESSES;
        unsigned way = unit_random(&random) % WAYS;
        uint64_t bytes = 1 + unit_random(&random) % 1000;
        if (model[i] == 0) {
            ck_assert(ways[way](i, bytes));
            model[i] = bytes;
            way_of[i] = way;
            live[way] += bytes;
            total[way] += bytes;
            count++;
        } else {
            struct profile_record record = brkm__profile_remove(address_of(i));
            ck_assert_uint_eq(record.address, (uintptr_t)address_of(i));
            ck_assert_uint_eq(record.weight.bytes, model[i]);
            live[way_of[i]] -= model[i];
            model[i] = 0;
            count--;
            ck_assert_uint_eq(brkm__profile_remove(address_of(i)).address, 0);
        }
    }
    struct profile_totals totals = brkm__profile_totals();
    ck_assert_uint_eq(totals.live, count);
    ck_assert_uint_eq(totals.in_use.bytes, live[0] + live[1] + live[2]);
    ck_assert_uint_eq(profile_blocks(totals.in_use), count);
    ck_assert_uint_eq(totals.lost, 0);
    ck_assert_uint_eq(totals.stacks, 1 + WAYS);
    ck_assert_uint_eq(totals.bytes, brkm__footprint_totals().bytes);
    unsigned found = 0;
    for (const struct profile_stack *stack = brkm__profile_read(); stack != NULL;
         stack = stack->next) {
        for (unsigned way = 0; way < WAYS; way++) {
            found += stack->total.bytes == total[way] && stack->live.bytes == live[way];
        }
    }
    brkm__profile_read_end();
    ck_assert_uint_eq(found, WAYS);
}
END_TEST

/* Of all stacks together. */
struct sums {
    struct profile_sum live, total, peak;
    size_t deepest;
};

static void add_sum(struct profile_sum *sum, struct profile_sum more)
{
    sum->bytes += more.bytes;
    sum->block_parts += more.block_parts;
}

static struct sums read_sums(void)
{
    struct sums sums = {.deepest = 0};
    for (const struct profile_stack *stack = brkm__profile_read(); stack != NULL;
         stack = stack->next) {
        add_sum(&sums.live, stack->live);
        add_sum(&sums.total, stack->total);
        add_sum(&sums.peak, stack->peak);
        sums.deepest = stack->depth > sums.deepest ? stack->depth : sums.deepest;
    }
    brkm__profile_read_end();
    return sums;
}

START_TEST(the_peak_is_that_of_most_bytes)
{
    ck_assert(brkm__profile_begin());
    for (size_t i = 0; i < 100; i++) {
        add_here(i, 1000);
    }
    for (size_t i = 0; i < 90; i++) {
        brkm__profile_remove(address_of(i));
    }
    ck_assert_uint_eq(read_sums().peak.bytes, 100000);
    ck_assert_uint_eq(profile_blocks(read_sums().peak), 100);
    ck_assert_uint_eq(read_sums().live.bytes, 10000);
    /* Not noted while nothing falls, but when somebody reads. */
    for (size_t i = 0; i < 95; i++) {
        add_here(1000 + i, 1000);
    }
    ck_assert_uint_eq(read_sums().peak.bytes, 105000);
    ck_assert_uint_eq(read_sums().total.bytes, 195000);
}
END_TEST

/* Up by two and down by one: the peak on record is at most 1/128 too low, whoever looks. */
START_TEST(the_peak_of_a_sawtooth_is_close)
{
    uint64_t highest = 0;
    uint64_t live = 0;
    ck_assert(brkm__profile_begin());
    for (size_t i = 0; i < 3000; i++) {
        add_here(i, 1000);
        live += 1000;
        highest = highest > live ? highest : live;
        if (i % 2 == 1) {
            brkm__profile_remove(address_of(i));
            live -= 1000;
        }
    }
    for (size_t i = 0; i < 3000; i += 2) {
        brkm__profile_remove(address_of(i));
    }
    uint64_t peak = read_sums().peak.bytes;
    ck_assert_uint_le(peak, highest);
    ck_assert_uint_ge(peak, highest - highest / 127);
    ck_assert_uint_eq(read_sums().live.bytes, 0);
}
END_TEST

START_TEST(a_record_that_is_put_back_was_never_away)
{
    ck_assert(brkm__profile_begin());
    add_here(1, 1000);
    struct profile_record record = brkm__profile_remove(address_of(1));
    ck_assert_uint_eq(read_sums().live.bytes, 0);
    brkm__profile_put_back(record);
    ck_assert_uint_eq(read_sums().live.bytes, 1000);
    ck_assert_uint_eq(read_sums().total.bytes, 1000);
    ck_assert_uint_eq(brkm__profile_remove(address_of(1)).address, (uintptr_t)address_of(1));
}
END_TEST

BRKM_NOINLINE static void recurse(unsigned depth, size_t i)
{
    if (depth == 0) {
        add_here(i, 1);
    } else {
        recurse(depth - 1, i);
    }
    __asm__ volatile("");
}

START_TEST(a_deep_stack_keeps_its_innermost_frames)
{
    ck_assert(brkm__profile_begin());
    recurse(3 * PROFILE_FRAMES_MAX, 1);
    ck_assert_uint_eq(read_sums().deepest, PROFILE_FRAMES_MAX);
    recurse(4 * PROFILE_FRAMES_MAX, 2);
    ck_assert_uint_eq(profile_blocks(read_sums().live), 2);
}
END_TEST

/* ---- Memory is short ---- */

/* What was mapped before the one that fails goes back. */
START_TEST(without_memory_there_is_no_profile)
{
    for (unsigned nth = 1; nth <= 3; nth++) {
        fake_os_fail(FAKE_ONLY(FAKE_MAP), nth, false);
        ck_assert(!brkm__profile_begin());
        ck_assert_uint_eq(fake_os_failed(), 1);
        ck_assert_uint_eq(fake_os_mapped_count(), 0);
        ck_assert_uint_eq(brkm__footprint_totals().bytes, 0);
        ck_assert_uint_eq(brkm__profile_totals().stacks, 0);
        ck_assert_uint_eq(brkm__profile_totals().lost, 0);
        ck_assert(!add_here(1, 1));
    }
    fake_os_fail(0, 0, false);
    ck_assert(brkm__profile_begin());
    ck_assert(add_here(1, 1));
}
END_TEST

/* The next attempt begins as the first. Blocks whose stack finds no memory then are of an unknown
 * one. */
START_TEST(after_an_attempt_that_failed_there_is_a_stack_for_all_others)
{
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 3, false);
    ck_assert(!brkm__profile_begin());
    ck_assert(brkm__profile_begin());
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    for (unsigned depth = 0; depth < 400; depth++) {
        recurse(depth % 100, depth);
        recurse(depth % 100 + 1, 1000 + depth);
    }
    fake_os_fail(0, 0, false);
    ck_assert_uint_eq(read_sums().live.bytes, 800);
    ck_assert_uint_eq(brkm__profile_totals().bytes, brkm__footprint_totals().bytes);
}
END_TEST

START_TEST(a_full_table_loses_samples_and_counts_them)
{
    ck_assert(brkm__profile_begin());
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    size_t added = 0;
    while (added < ADDRESSES && add_here(added, 10)) {
        added++;
    }
    ck_assert_uint_lt(added, ADDRESSES);
    ck_assert_uint_gt(added, 3000);
    ck_assert_uint_eq(brkm__profile_totals().lost, 1);
    /* All that there is can be found and go, and then there is room again, and memory. */
    for (size_t i = 0; i < added; i += 2) {
        ck_assert_uint_ne(brkm__profile_remove(address_of(i)).address, 0);
    }
    fake_os_fail(0, 0, false);
    for (size_t i = 0; i < added; i += 2) {
        ck_assert(add_here(i, 10));
    }
    for (size_t i = 0; i < added; i++) {
        ck_assert_uint_ne(brkm__profile_remove(address_of(i)).address, 0);
    }
    ck_assert_uint_eq(brkm__profile_totals().in_use.bytes, 0);
}
END_TEST

/* Meanwhile another thread had its place. */
START_TEST(a_record_that_finds_no_room_again_is_lost)
{
    ck_assert(brkm__profile_begin());
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    size_t added = 0;
    while (added < ADDRESSES && add_here(added, 10)) {
        added++;
    }
    struct profile_record record = brkm__profile_remove(address_of(0));
    ck_assert(add_here(added, 10));
    brkm__profile_put_back(record);
    ck_assert_uint_eq(brkm__profile_totals().lost, 2);
    ck_assert_uint_eq(brkm__profile_remove(address_of(0)).address, 0);
    ck_assert_uint_eq(brkm__profile_totals().in_use.bytes, 10 * added);
}
END_TEST

START_TEST(stacks_beyond_their_memory_are_one)
{
    ck_assert(brkm__profile_begin());
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    for (unsigned depth = 0; depth < 400; depth++) {
        /* Other frames in front, so that each is another stack. */
        recurse(depth % 100, depth);
        recurse(depth % 100 + 1, 1000 + depth);
    }
    struct profile_totals totals = brkm__profile_totals();
    ck_assert_uint_eq(totals.live, 800);
    fake_os_fail(0, 0, false);
    ck_assert_uint_eq(totals.in_use.bytes, 800);
    ck_assert_uint_eq(read_sums().live.bytes, 800);
}
END_TEST

START_TEST(who_holds_the_lock_is_not_waited_for)
{
    struct profile_stack *first;
    ck_assert(brkm__profile_begin());
    brkm__profile_read();
    ck_assert(!brkm__profile_try_read(&first));
    brkm__profile_read_end();
    ck_assert(brkm__profile_try_read(&first));
    ck_assert(!brkm__profile_try_read(&first));
    brkm__profile_read_end();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("profile");
    TCase *tests = unit_case(suite, "profile");
    tcase_add_test(tests, records_come_and_go_as_in_a_model);
    tcase_add_test(tests, the_peak_is_that_of_most_bytes);
    tcase_add_test(tests, the_peak_of_a_sawtooth_is_close);
    tcase_add_test(tests, a_record_that_is_put_back_was_never_away);
    tcase_add_test(tests, a_deep_stack_keeps_its_innermost_frames);
    tcase_add_test(tests, without_memory_there_is_no_profile);
    tcase_add_test(tests, after_an_attempt_that_failed_there_is_a_stack_for_all_others);
    tcase_add_test(tests, a_full_table_loses_samples_and_counts_them);
    tcase_add_test(tests, a_record_that_finds_no_room_again_is_lost);
    tcase_add_test(tests, stacks_beyond_their_memory_are_one);
    tcase_add_test(tests, who_holds_the_lock_is_not_waited_for);
    return suite;
}
