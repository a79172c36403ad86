/* SPDX-License-Identifier: MIT
 * decay.h: what is free goes back when the program is quiet by the clock, and only then. */
#include "service/decay.h"

#include <string.h>

#include "cache/depot.h"
#include "heap/heaps.h"
#include "kit/alarm.h"
#include "kit/footprint.h"
#include "kit/options.h"
#include "unit.h"

static struct heap *const heap = &brkm__main_heap;
static struct decay decay;

#define ROW 256
#define SIZE ((size_t)32 * 1024)

static struct mem_control_block *row[ROW];

static struct mem_control_block *take(size_t size)
{
    struct mem_control_block *block = brkm__heap_allocate(heap, size, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    memset(block_payload(block), 0x55, block_usable_size(block));
    return block;
}

static void take_row(void)
{
    for (size_t i = 0; i < ROW; i++) {
        row[i] = take(SIZE);
    }
}

static void give_row(void)
{
    for (size_t i = 0; i < ROW; i++) {
        brkm__heap_free(heap, row[i], "free");
    }
}

/* Keeps what is freed from going back at once. */
static void make_regretful(void)
{
    heap->purge.regretted = BRKM_GIB;
    heap->purge.faded_at = fake_os.milliseconds;
}

static uint64_t look_after(uint64_t milliseconds)
{
    fake_os.milliseconds += milliseconds;
    return brkm__decay_look(&decay);
}

static size_t dirty(void)
{
    return purge_dirty(&heap->bins, &heap->top);
}

static void check_heap(void)
{
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}

/* A program that has freed 8 MiB, of which nothing went back, with its last block in use. */
static struct mem_control_block *free_much(void)
{
    take_row();
    struct mem_control_block *last = take(64);
    make_regretful();
    give_row();
    ck_assert_uint_gt(dirty(), ROW * SIZE / 2);
    return last;
}

START_TEST(nothing_goes_back_while_the_program_works)
{
    free_much();
    size_t before = dirty();
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_LOOK_MS);
        for (int call = 0; call < DECAY_FEW_CALLS; call++) {
            make_regretful();
            brkm__heap_free(heap, take(64), "free");
        }
        ck_assert_uint_ge(dirty() + 64 * PAGE, before);
    }
    ck_assert(!alarm_is_set());
}
END_TEST

START_TEST(what_is_free_goes_back_at_the_second_look_after_the_last_call)
{
    struct mem_control_block *last = free_much();
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_LOOK_MS);
    ck_assert_uint_gt(dirty(), ROW * SIZE / 2);
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    ck_assert_uint_le(dirty(), BRKM_PURGE_THRESHOLD_DEFAULT);
    ck_assert(alarm_is_set());
    check_heap();
    brkm__heap_free(heap, last, "free");
    check_heap();
}
END_TEST

START_TEST(all_goes_back_where_nothing_may_stay)
{
    ck_assert(brkm__option_set(OPTION_purge_threshold, 0));
    free_much();
    look_after(DECAY_LOOK_MS);
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    ck_assert_uint_eq(dirty(), 0);
    check_heap();
}
END_TEST

START_TEST(a_threshold_that_is_never_reached_turns_it_off)
{
    ck_assert(brkm__option_set(OPTION_purge_threshold, 1024 * BRKM_GIB));
    free_much();
    size_t before = dirty();
    look_after(DECAY_LOOK_MS);
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    ck_assert_uint_eq(dirty(), before);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 0);
}
END_TEST

/* Few calls count as quiet, unless what was given back is asked for again. */
START_TEST(a_tick_of_a_timer_is_no_work)
{
    free_much();
    look_after(DECAY_LOOK_MS);
    brkm__heap_free(heap, take(64), "free");
    heap->purge.regretted = 0;
    size_t before = dirty();
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    ck_assert_uint_lt(dirty(), before);
    ck_assert_uint_le(dirty(), BRKM_PURGE_THRESHOLD_DEFAULT);
}
END_TEST

START_TEST(the_top_goes_back_in_pieces_and_is_trimmed)
{
    ck_assert(brkm__option_set(OPTION_purge_threshold, 0));
    struct mem_control_block *block = take(24 * BRKM_MIB);
    make_regretful();
    brkm__heap_free(heap, block, "free");
    ck_assert_uint_gt(top_dirty(&heap->top), 20 * BRKM_MIB);
    size_t raised = fake_os_break_raised();
    look_after(DECAY_LOOK_MS);
    look_after(DECAY_LOOK_MS);
    /* Less than a page of the top is left, which no look can give back. */
    ck_assert_uint_lt(dirty(), PAGE);
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    ck_assert_uint_ge(fake_os.calls[FAKE_DISCARD], 24 * BRKM_MIB / BRKM_PURGE_STEP - 1);
    ck_assert_uint_lt(fake_os_break_raised(), raised - 20 * BRKM_MIB);
    unsigned char *memory = brkm_calloc(1, 20 * BRKM_MIB);
    ck_assert_ptr_nonnull(memory);
    ck_assert(unit_is_zero(memory, 20 * BRKM_MIB));
    check_heap();
}
END_TEST

START_TEST(a_large_hole_goes_back_in_pieces)
{
    ck_assert(brkm__option_set(OPTION_purge_threshold, 0));
    ck_assert(brkm__option_set(OPTION_mapped_threshold, BRKM_MAPPED_THRESHOLD_MAX));
    struct mem_control_block *block = take(24 * BRKM_MIB);
    take(64);
    make_regretful();
    brkm__heap_free(heap, block, "free");
    look_after(DECAY_LOOK_MS);
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    ck_assert_uint_ge(fake_os.calls[FAKE_DISCARD], 24 * BRKM_MIB / BRKM_PURGE_STEP - 1);
    ck_assert_uint_eq(heap->bins.dirty, 0);
    check_heap();
    ck_assert(unit_is_zero((char *)block_payload(block) + PAGE, 23 * BRKM_MIB));
    ck_assert_ptr_eq(brkm__heap_allocate(heap, 24 * BRKM_MIB, HEAP_AS_IT_IS, NULL), block);
}
END_TEST

/* With the heap's lock taken, and awaited or not. */
static size_t purge_down_to(size_t keep, bool awaited)
{
    heap->lock.word = awaited ? LOCK_TAKEN | LOCK_AWAITED : LOCK_TAKEN;
    size_t released = brkm__purge_down_to(heap, keep);
    heap->lock.word = 0;
    return released;
}

START_TEST(who_waits_for_the_heap_is_let_in)
{
    ck_assert(brkm__option_set(OPTION_purge_threshold, 0));
    free_much();
    size_t before = dirty();
    ck_assert_uint_eq(purge_down_to(0, true), 0);
    ck_assert_uint_eq(dirty(), before);
    ck_assert_uint_eq(purge_down_to(0, false), before);
    ck_assert_uint_eq(dirty(), 0);
}
END_TEST

START_TEST(no_more_goes_back_than_has_to)
{
    free_much();
    size_t before = dirty();
    size_t keep = before / 2;
    size_t released = purge_down_to(keep, false);
    ck_assert_uint_eq(dirty(), before - released);
    ck_assert_uint_le(dirty(), keep);
    ck_assert_uint_ge(dirty() + BRKM_PURGE_STEP, keep);
}
END_TEST

START_TEST(what_cannot_go_back_is_not_tried_for_ever)
{
    free_much();
    look_after(DECAY_LOOK_MS);
    fake_os_fail(FAKE_ONLY(FAKE_DISCARD) | FAKE_ONLY(FAKE_BREAK_LOWER), 1, true);
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    ck_assert_uint_gt(dirty(), BRKM_PURGE_THRESHOLD_DEFAULT);
    check_heap();
    fake_os_fail(0, 0, false);
    brkm__heap_free(heap, take(64), "free");
    ck_assert(!alarm_is_set());
}
END_TEST

START_TEST(the_alarm_rings_when_enough_is_free_again)
{
    look_after(DECAY_LOOK_MS);
    ck_assert_uint_eq(look_after(DECAY_LOOK_MS), DECAY_UNTIL_ALARM);
    struct mem_control_block *small = take(BRKM_MIB / 2);
    take(64);
    make_regretful();
    brkm__heap_free(heap, small, "free");
    ck_assert(alarm_is_set());
    free_much();
    ck_assert(!alarm_is_set());
}
END_TEST

START_TEST(without_the_option_nobody_sets_an_alarm)
{
    free_much();
    ck_assert(!alarm_is_set());
    ck_assert_uint_gt(dirty(), ROW * SIZE / 2);
}
END_TEST

START_TEST(what_waits_between_threads_goes_to_the_heap)
{
    size_t size = 1008;
    struct cached_list batch =
        brkm__heap_allocate_list(heap, size, 4, BRKM_ALIGNMENT, HEAP_MAY_GROW);
    ck_assert_uint_eq(batch.count, 4);
    brkm__depot_put(size_class_slot(size), batch);
    ck_assert_uint_gt(brkm__depot_totals().bytes, 0);
    look_after(DECAY_LOOK_MS);
    look_after(DECAY_LOOK_MS);
    ck_assert_uint_eq(brkm__depot_totals().bytes, 0);
    check_heap();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("decay");
    TCase *tests = unit_case(suite, "decay");
    tcase_add_test(tests, nothing_goes_back_while_the_program_works);
    tcase_add_test(tests, what_is_free_goes_back_at_the_second_look_after_the_last_call);
    tcase_add_test(tests, all_goes_back_where_nothing_may_stay);
    tcase_add_test(tests, a_threshold_that_is_never_reached_turns_it_off);
    tcase_add_test(tests, a_tick_of_a_timer_is_no_work);
    tcase_add_test(tests, the_top_goes_back_in_pieces_and_is_trimmed);
    tcase_add_test(tests, a_large_hole_goes_back_in_pieces);
    tcase_add_test(tests, who_waits_for_the_heap_is_let_in);
    tcase_add_test(tests, no_more_goes_back_than_has_to);
    tcase_add_test(tests, what_cannot_go_back_is_not_tried_for_ever);
    tcase_add_test(tests, the_alarm_rings_when_enough_is_free_again);
    tcase_add_test(tests, without_the_option_nobody_sets_an_alarm);
    tcase_add_test(tests, what_waits_between_threads_goes_to_the_heap);
    return suite;
}
