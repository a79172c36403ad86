/* SPDX-License-Identifier: MIT
 * huge_pages.h and what depends on it: the system is told of all memory, at once or when the option
 * changes; with thp:always huge pages are taken and given back as a whole, and what is free does
 * not stay for their sake. */
#include "kit/huge_pages.h"

#include <string.h>

#include "heap/heap.h"
#include "heap/mapped.h"
#include "heap/purge.h"
#include "kit/options.h"
#include "process/options_apply.h"
#include "unit.h"

#define HUGE_PAGE (512 * PAGE)

static struct heap *const heap = &brkm__main_heap;

static void choose(enum thp choice)
{
    fake_os.huge_page_size = HUGE_PAGE;
    ck_assert_int_eq(brkm_option_set("thp", choice), 0);
}

static struct mem_control_block *take(size_t size)
{
    struct mem_control_block *block = brkm__heap_allocate(heap, size, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    memset(block_payload(block), 0x77, block_usable_size(block));
    return block;
}

static void expect_sound(void)
{
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}

/* ---- What the system is told ---- */

START_TEST(by_default_the_system_is_told_nothing)
{
    fake_os.huge_page_size = HUGE_PAGE;
    take(BRKM_MIB);
    ck_assert_ptr_nonnull(brkm__mapped_allocate(BRKM_MIB, 16));
    ck_assert_uint_eq(fake_os.advised_wanted + fake_os.advised_refused, 0);
    ck_assert_uint_eq(brkm__huge_pages_unit(), PAGE);
}
END_TEST

START_TEST(all_memory_is_told_of_once)
{
    choose(THP_NEVER);
    take(BRKM_MIB);
    take(4 * BRKM_MIB);
    ck_assert_uint_eq(fake_os.advised_refused, fake_os_break_raised());
    ck_assert_ptr_nonnull(brkm__mapped_allocate(BRKM_MIB, 16));
    ck_assert_uint_eq(fake_os.advised_refused, fake_os_break_raised() + fake_os_mapped_bytes());
    ck_assert_uint_eq(fake_os.advised_wanted, 0);
}
END_TEST

START_TEST(a_fallback_region_is_told_of)
{
    choose(THP_NEVER);
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
    take(BRKM_MIB);
    ck_assert_uint_eq(fake_os_break_raised(), 0);
    ck_assert_uint_eq(fake_os.advised_refused, fake_os_mapped_bytes());
}
END_TEST

START_TEST(memory_from_before_is_told_of_when_the_option_changes)
{
    take(BRKM_MIB);
    size_t before = fake_os_break_raised();
    choose(THP_NEVER);
    ck_assert_uint_eq(fake_os.advised_refused, before);
    ck_assert_int_eq(brkm_option_set("top_pad", 0), 0);
    ck_assert_uint_eq(fake_os.advised_refused, before);
    choose(THP_ALWAYS);
    ck_assert_uint_eq(fake_os.advised_wanted, before);
    choose(THP_DEFAULT);
    ck_assert_uint_eq(fake_os.advised_wanted + fake_os.advised_refused, 2 * before);
}
END_TEST

/* The first page of the break is then partly another's. */
START_TEST(pages_of_others_are_left_alone)
{
    fake_os_start(PAGE, 1000);
    choose(THP_NEVER);
    take(BRKM_MIB);
    ck_assert_uint_eq(fake_os.advised_refused, align_down(fake_os_break_raised(), PAGE));
}
END_TEST

START_TEST(a_system_that_refuses_changes_nothing)
{
    choose(THP_ALWAYS);
    fake_os_fail(FAKE_ONLY(FAKE_ADVISE), 1, true);
    take(BRKM_MIB);
    void *mapped = brkm__mapped_allocate(BRKM_MIB, 16);
    ck_assert_ptr_nonnull(mapped);
    ck_assert_uint_eq(brkm__mapped_free(mapped) != 0, 1);
    ck_assert_uint_ge(fake_os_failed(), 2);
    expect_sound();
}
END_TEST

START_TEST(without_huge_pages_pages_stay_the_unit)
{
    fake_os.huge_page_size = 0;
    ck_assert_int_eq(brkm_option_set("thp", THP_ALWAYS), 0);
    ck_assert_uint_eq(brkm__huge_pages_unit(), PAGE);
    choose(THP_ALWAYS);
    ck_assert_int_eq(brkm_option_set("top_pad", 0), 0); /* the system is looked at again */
    ck_assert_uint_eq(brkm__huge_pages_unit(), HUGE_PAGE);
}
END_TEST

START_TEST(the_program_reads_and_sets_the_words_as_numbers)
{
    size_t value = 7;
    ck_assert_int_eq(brkm_option_get("thp", &value), 0);
    ck_assert_uint_eq(value, THP_DEFAULT);
    choose(THP_ALWAYS);
    ck_assert_int_eq(brkm_option_get("thp", &value), 0);
    ck_assert_uint_eq(value, 2);
    ck_assert_int_ne(brkm_option_set("thp", 3), 0);
}
END_TEST

/* ---- Huge pages as a whole ---- */

START_TEST(the_break_ends_with_a_huge_page)
{
    choose(THP_ALWAYS);
    for (size_t i = 0; i < 40; i++) {
        take(300 * BRKM_KIB);
        ck_assert_uint_eq(fake_os_break() % HUGE_PAGE, 0);
    }
    expect_sound();
}
END_TEST

/* Past the hard limit what is needed must do. */
START_TEST(a_limit_counts_more_than_a_huge_page)
{
    choose(THP_ALWAYS);
    ck_assert_int_eq(brkm_option_set("limit_hard", BRKM_MIB), 0);
    take(100 * BRKM_KIB);
    ck_assert_uint_le(fake_os_break_raised() + fake_os_mapped_bytes(), BRKM_MIB);
}
END_TEST

START_TEST(a_trim_leaves_whole_huge_pages_but_malloc_trim_does_not)
{
    choose(THP_ALWAYS);
    struct mem_control_block *small = take(64);
    brkm__heap_free(heap, take(20 * BRKM_MIB), "free");
    ck_assert_uint_gt(heap->top.trimmed, 0);
    ck_assert_uint_eq(fake_os_break() % HUGE_PAGE, 0);
    brkm__heap_trim(heap, 0);
    ck_assert_uint_le(fake_os_break_raised(), 2 * PAGE);
    brkm__heap_free(heap, small, "free");
    expect_sound();
}
END_TEST

/* Frees a block of each size with a small one in use behind it; returns the first. */
static struct mem_control_block *leave_holes(size_t size, size_t count)
{
    struct mem_control_block *holes[64];
    for (size_t i = 0; i < count; i++) {
        holes[i] = take(size);
        take(64);
    }
    for (size_t i = 0; i < count; i++) {
        brkm__heap_free(heap, holes[i], "free");
        expect_sound();
    }
    return holes[0];
}

START_TEST(large_holes_lose_whole_huge_pages)
{
    choose(THP_ALWAYS);
    struct mem_control_block *hole = leave_holes(10 * BRKM_MIB, 1);
    struct page_range clean = block_clean_pages(hole);
    ck_assert_uint_ge(page_range_bytes(clean), 8 * BRKM_MIB);
    ck_assert_uint_eq(clean.start % HUGE_PAGE, 0);
    ck_assert_uint_eq(clean.end % HUGE_PAGE, 0);
}
END_TEST

/* Which must not stay resident for the sake of huge pages. */
START_TEST(small_holes_lose_their_pages)
{
    choose(THP_ALWAYS);
    leave_holes(BRKM_MIB, 40);
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top),
                      BRKM_PURGE_THRESHOLD_DEFAULT + HUGE_PAGE);
}
END_TEST

START_TEST(malloc_trim_gives_back_all_pages)
{
    choose(THP_ALWAYS);
    leave_holes(3 * BRKM_MIB, 10);
    brkm__heap_trim(heap, 0);
    ck_assert_uint_lt(purge_dirty(&heap->bins, &heap->top), PAGE);
    expect_sound();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("huge_pages");
    TCase *advice = unit_case(suite, "advice");
    tcase_add_test(advice, by_default_the_system_is_told_nothing);
    tcase_add_test(advice, all_memory_is_told_of_once);
    tcase_add_test(advice, a_fallback_region_is_told_of);
    tcase_add_test(advice, memory_from_before_is_told_of_when_the_option_changes);
    tcase_add_test(advice, pages_of_others_are_left_alone);
    tcase_add_test(advice, a_system_that_refuses_changes_nothing);
    tcase_add_test(advice, without_huge_pages_pages_stay_the_unit);
    tcase_add_test(advice, the_program_reads_and_sets_the_words_as_numbers);
    TCase *whole = unit_case(suite, "whole");
    tcase_add_test(whole, the_break_ends_with_a_huge_page);
    tcase_add_test(whole, a_limit_counts_more_than_a_huge_page);
    tcase_add_test(whole, a_trim_leaves_whole_huge_pages_but_malloc_trim_does_not);
    tcase_add_test(whole, large_holes_lose_whole_huge_pages);
    tcase_add_test(whole, small_holes_lose_their_pages);
    tcase_add_test(whole, malloc_trim_gives_back_all_pages);
    return suite;
}
