/* SPDX-License-Identifier: MIT
 * guarded.h: blocks alone on their pages, by themselves and under the whole allocator. */
#include "guard/guarded.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/hardened.h"
#include "kit/options.h"
#include "stats/stats.h"
#include "system/os.h"
#include "unit.h"

/* Slots of the tests' pools. */
#define SLOTS 5

static void start_pool(size_t page, size_t slots)
{
    fake_os_start(page, 0);
    ck_assert(brkm__option_set(OPTION_guard_sample_slots, slots));
}

static void use_few_slots(void)
{
    start_pool(PAGE, SLOTS);
}

/* The kernel reads the byte, and says when it may not. */
static bool can_touch(const void *address)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    bool readable = write(ends[1], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}

static uintptr_t page_of(const void *memory)
{
    return align_down((uintptr_t)memory, brkm__os_page_size());
}

static bool borders_start(const void *memory)
{
    return page_of(memory) == (uintptr_t)memory;
}

static void *allocate(size_t size)
{
    void *memory = brkm__guarded_allocate(size, BRKM_ALIGNMENT, false);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static void give(void *memory)
{
    enum fault fault;
    ck_assert(brkm__guarded_free(memory, &fault));
}

/* A block that borders the guard in front, or the one behind. */
static char *allocate_at(size_t size, bool start)
{
    for (;;) {
        char *memory = allocate(size);
        if (borders_start(memory) == start) {
            return memory;
        }
        give(memory);
    }
}

/* ---- Places ---- */

static void expect_place(const unsigned char *memory, size_t size, size_t alignment)
{
    size_t page = brkm__os_page_size();
    ck_assert_uint_eq((uintptr_t)memory % max_size(alignment, BRKM_ALIGNMENT), 0);
    uintptr_t gap = page_of(memory) + page - ((uintptr_t)memory + size);
    ck_assert(borders_start(memory) || gap < max_size(alignment, BRKM_ALIGNMENT) ||
              (size == 0 && gap == max_size(alignment, BRKM_ALIGNMENT)));
    ck_assert_uint_le(gap, page);
    ck_assert(unit_is_zero(memory, size));
    ck_assert(can_touch((const void *)page_of(memory)));
    ck_assert(can_touch((const void *)(page_of(memory) + page - 1)));
    ck_assert(!can_touch((const void *)(page_of(memory) - 1)));
    ck_assert(!can_touch((const void *)(page_of(memory) + page)));
}

START_TEST(a_block_lies_alone_between_inaccessible_pages)
{
    size_t page = (size_t)4096 << 2 * _i;
    start_pool(page, SLOTS);
    unsigned at_start = 0;
    unsigned at_end = 0;
    for (size_t alignment = 1; alignment <= page; alignment *= 2) {
        for (size_t size = 0; size <= page; size += size < 40 ? 1 : page / 64 - 7) {
            unsigned char *memory = brkm__guarded_allocate(size, alignment, false);
            ck_assert_ptr_nonnull(memory);
            expect_place(memory, size, alignment);
            at_start += borders_start(memory);
            at_end += !borders_start(memory);
            memset(memory, 0xaa, size);
            give(memory);
            ck_assert(!can_touch(memory));
        }
    }
    ck_assert_uint_gt(at_start, at_end / 16);
    ck_assert_uint_gt(at_end, at_start);
}
END_TEST

START_TEST(what_does_not_fit_a_page_is_refused)
{
    ck_assert_ptr_null(brkm__guarded_allocate(PAGE + 1, 16, false));
    ck_assert_ptr_null(brkm__guarded_allocate(16, 2 * PAGE, false));
    ck_assert_ptr_null(brkm__guarded_allocate(SIZE_MAX, 16, false));
    ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
    ck_assert_ptr_nonnull(brkm__guarded_allocate(PAGE, PAGE, false));
}
END_TEST

START_TEST(a_freed_slot_comes_back_as_late_as_possible)
{
    uintptr_t freed[4 * SLOTS];
    for (size_t i = 0; i < 4 * SLOTS; i++) {
        void *memory = allocate(100);
        freed[i] = page_of(memory);
        give(memory);
        for (size_t j = i < SLOTS ? 0 : i - SLOTS + 1; j < i; j++) {
            ck_assert_uint_ne(freed[i], freed[j]);
        }
        ck_assert(i < SLOTS || freed[i] == freed[i - SLOTS]);
    }
}
END_TEST

START_TEST(when_all_slots_are_in_use_there_are_no_more)
{
    void *memory[SLOTS];
    for (size_t i = 0; i < SLOTS; i++) {
        memory[i] = allocate(i);
    }
    ck_assert_ptr_null(brkm__guarded_allocate(1, 16, false));
    ck_assert_uint_eq(brkm__guarded_totals().missed, 1);
    ck_assert_uint_eq(brkm__guarded_totals().blocks, SLOTS);
    ck_assert_uint_eq(brkm__guarded_totals().bytes, 0 + 1 + 2 + 3 + 4);
    give(memory[3]);
    ck_assert_uint_eq(page_of(allocate(77)), page_of(memory[3]));
    ck_assert_uint_eq(brkm__guarded_totals().allocations, SLOTS + 1);
    ck_assert_uint_eq(brkm__guarded_totals().bytes, 0 + 1 + 2 + 4 + 77);
}
END_TEST

START_TEST(a_pool_of_no_slots_has_none)
{
    start_pool(PAGE, 0);
    ck_assert_ptr_null(brkm__guarded_allocate(1, 16, false));
    ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
}
END_TEST

/* ---- Looking blocks up ---- */

START_TEST(a_block_is_known_by_its_start_alone)
{
    size_t size = 0;
    char *memory = allocate(100);
    ck_assert(brkm__guarded_contains(memory));
    bool noted;
    ck_assert_int_eq((int)brkm__guarded_find(memory, &size, &noted), (int)GUARDED_IN_USE);
    ck_assert(!noted);
    ck_assert_uint_eq(size, 100);
    for (ptrdiff_t offset = -3 * (ptrdiff_t)PAGE; offset < 3 * (ptrdiff_t)PAGE; offset++) {
        enum guarded_lookup found = brkm__guarded_find(memory + offset, &size, &noted);
        ck_assert_int_eq((int)found, (int)(offset == 0 ? GUARDED_IN_USE : GUARDED_UNKNOWN));
    }
    ck_assert_int_eq((int)brkm__guarded_find(&size, &size, &noted), (int)GUARDED_UNKNOWN);
    ck_assert_int_eq((int)brkm__guarded_find(NULL, &size, &noted), (int)GUARDED_UNKNOWN);
    give(memory);
    ck_assert_int_eq((int)brkm__guarded_find(memory, &size, &noted), (int)GUARDED_FREED);
    enum fault fault;
    ck_assert(!brkm__guarded_free(memory, &fault));
    ck_assert_int_eq((int)fault, (int)FAULT_DOUBLE_FREE);
}
END_TEST

/* ---- Canaries ---- */

START_TEST(every_byte_around_a_block_is_watched)
{
    start_pool(PAGE, 2 * PAGE);
    for (size_t offset = 0; offset < PAGE; offset++) {
        char *memory = brkm__guarded_allocate(1000, 16, false);
        char *touched = (char *)page_of(memory) + offset;
        enum fault fault;
        if (touched >= memory && touched < memory + 1000) {
            *touched = 'A';
            give(memory);
            continue;
        }
        ck_assert_ptr_null(brkm__guarded_find_damaged(&fault));
        *touched = (char)(*touched ^ (1 << offset % 8));
        enum fault expected =
            touched < memory ? FAULT_CANARY_BEFORE_OVERWRITTEN : FAULT_CANARY_OVERWRITTEN;
        ck_assert_ptr_eq(brkm__guarded_find_damaged(&fault)->memory, memory);
        ck_assert_int_eq((int)fault, (int)expected);
        ck_assert(!brkm__guarded_free(memory, &fault));
        ck_assert_int_eq((int)fault, (int)expected);
    }
}
END_TEST

START_TEST(a_terminating_zero_is_noticed_always)
{
    start_pool(PAGE, 600);
    for (int i = 0; i < 300; i++) {
        enum fault fault;
        char *memory = allocate(20);
        memory[20] = 0;
        ck_assert(!brkm__guarded_free(memory, &fault));
    }
}
END_TEST

/* ---- What was meant ---- */

START_TEST(an_access_is_meant_for_the_nearest_block)
{
    char *first = allocate_at(64, false);
    char *second = allocate(64);
    uintptr_t guard = page_of(first) + PAGE;
    if (page_of(second) == guard + PAGE) {
        ck_assert_ptr_eq(brkm__guarded_near((void *)guard)->memory, first);
        ck_assert_ptr_eq(brkm__guarded_near((void *)(guard + PAGE - 1))->memory, second);
        give(first);
        ck_assert_ptr_eq(brkm__guarded_near((void *)guard)->memory, second);
        give(second);
        ck_assert_ptr_eq(brkm__guarded_near((void *)guard)->memory, first);
    }
    ck_assert_ptr_eq(brkm__guarded_near(first + 3)->memory, first);
    ck_assert_ptr_eq(brkm__guarded_near((void *)page_of(second))->memory, second);
    ck_assert_ptr_null(brkm__guarded_near(&first));
    ck_assert_ptr_null(brkm__guarded_near(NULL));
}
END_TEST

START_TEST(the_ends_of_the_pool_have_one_neighbour)
{
    start_pool(PAGE, 2);
    char *memory = allocate(10);
    uintptr_t first = page_of(memory);
    ck_assert_ptr_eq(brkm__guarded_near((void *)(first - 1))->memory, memory);
    /* Nobody ever had the second slot. */
    ck_assert_ptr_null(brkm__guarded_near((void *)(first + 2 * PAGE)));
    ck_assert_ptr_null(brkm__guarded_near((void *)(first + 3 * PAGE)));
    ck_assert(!brkm__guarded_contains((void *)(first + 4 * PAGE)));
    ck_assert_ptr_null(brkm__guarded_near((void *)(first + 4 * PAGE)));
    char *other = allocate(10);
    ck_assert_ptr_eq(brkm__guarded_near((void *)(first + 4 * PAGE - 1))->memory, other);
}
END_TEST

START_TEST(who_allocated_and_who_freed_is_kept)
{
    fake_os.thread_id = 7;
    void *memory = allocate(10);
    const struct guarded_block *block = brkm__guarded_near(memory);
    ck_assert_int_eq(block->allocated.thread, 7);
    ck_assert_uint_gt(block->allocated.count, 0);
    ck_assert_int_eq(block->freed.thread, 0);
    fake_os.thread_id = 8;
    give(memory);
    ck_assert_int_eq(block->allocated.thread, 7);
    ck_assert_int_eq(block->freed.thread, 8);
    ck_assert_uint_gt(block->freed.count, 0);
}
END_TEST

/* ---- A system that refuses ---- */

START_TEST(a_pool_that_cannot_be_made_is_tried_again)
{
    static const enum fake_call calls[] = {FAKE_MAP, FAKE_PROTECT, FAKE_PROTECT};
    fake_os_fail(FAKE_ONLY(calls[_i]), _i == 2 ? 2 : 1, false);
    ck_assert_ptr_null(brkm__guarded_allocate(1, 16, false));
    ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
    ck_assert_uint_eq(brkm__guarded_totals().pool_bytes, 0);
    ck_assert_uint_eq(brkm__guarded_totals().missed, 0);
    ck_assert(!brkm__guarded_contains(NULL));
    ck_assert_ptr_nonnull(brkm__guarded_allocate(1, 16, false));
    ck_assert_uint_eq(brkm__guarded_totals().pool_bytes, fake_os_mapped_bytes());
}
END_TEST

START_TEST(the_pool_respects_the_hard_limit)
{
    ck_assert(brkm__option_set(OPTION_limit_hard, 2 * SLOTS * PAGE));
    ck_assert_ptr_null(brkm__guarded_allocate(1, 16, false));
    ck_assert(brkm__option_set(OPTION_limit_hard, 100 * PAGE));
    ck_assert_ptr_nonnull(brkm__guarded_allocate(1, 16, false));
}
END_TEST

START_TEST(a_slot_that_cannot_be_opened_is_not_lost)
{
    give(allocate(1));
    fake_os_fail(FAKE_ONLY(FAKE_UNPROTECT), 1, false);
    ck_assert_ptr_null(brkm__guarded_allocate(1, 16, false));
    for (size_t i = 0; i < SLOTS; i++) {
        allocate(1);
    }
    ck_assert_ptr_null(brkm__guarded_allocate(1, 16, false));
}
END_TEST

START_TEST(a_page_that_cannot_be_given_back_is_cleared)
{
    for (int i = 0; i < 3 * SLOTS; i++) {
        unsigned char *memory = allocate(3000);
        ck_assert(unit_is_zero(memory, 3000));
        memset(memory, 0xaa, 3000);
        fake_os_fail(FAKE_ONLY(FAKE_DISCARD), 1, false);
        give(memory);
        ck_assert(!can_touch(memory));
    }
}
END_TEST

/* ---- Which allocations ---- */

START_TEST(one_allocation_in_so_many_is_due)
{
    static const size_t means[] = {1, 2, 10, 1000};
    size_t mean = means[_i];
    ck_assert(brkm__option_set(OPTION_guard_sample, mean));
    size_t due = 0;
    size_t longest = 0;
    size_t gap = 0;
    for (size_t i = 0; i < 1000 * mean; i++) {
        gap++;
        if (guarded_is_due()) {
            due++;
            longest = max_size(longest, gap);
            gap = 0;
        }
    }
    ck_assert_uint_ge(due, 900);
    ck_assert_uint_le(due, 1100);
    ck_assert_uint_le(longest, 2 * mean - 1);
    ck_assert(mean == 1 || longest > mean);
}
END_TEST

START_TEST(a_child_guards_other_allocations)
{
    ck_assert(brkm__option_set(OPTION_guard_sample, 1000000));
    brkm__guarded_after_fork();
    ck_assert_uint_eq(brkm__guarded_sampling.left, 0);
    guarded_is_due();
    uint64_t left = brkm__guarded_sampling.left;
    brkm__guarded_after_fork();
    ck_assert_uint_ne(brkm__guarded_sampling.left, left);
}
END_TEST

/* ---- Under the whole allocator ---- */

static void guard_everything(void)
{
    use_few_slots();
    ck_assert(brkm__option_set(OPTION_guard_sample, 1));
    brkm__hardened_apply();
    ck_assert_ptr_nonnull(fake_os.explain_fault);
}

/* Allocates until a guarded block comes, which is at once while there are slots. */
static void *guarded(size_t size)
{
    void *memory = brkm_malloc(size);
    ck_assert(brkm__guarded_contains(memory));
    ck_assert_uint_eq(brkm_malloc_usable_size(memory), size);
    return memory;
}

START_TEST(every_function_of_the_family_gives_and_takes_guarded_blocks)
{
    unsigned char *memory = guarded(100);
    unit_fill(memory, 100, 1);
    unsigned char *moved = brkm_realloc(memory, 300);
    ck_assert(brkm__guarded_contains(moved) && moved != memory);
    ck_assert(unit_is_filled(moved, 100, 1));
    ck_assert(!can_touch(memory));
    moved = brkm_realloc(moved, 50);
    ck_assert(unit_is_filled(moved, 50, 1));
    ck_assert_ptr_null(brkm_realloc(moved, 0));
    ck_assert(!can_touch(moved));
    memory = brkm_calloc(10, 10);
    ck_assert(brkm__guarded_contains(memory) && unit_is_zero(memory, 100));
    brkm_free_sized(memory, 100);
    memory = brkm_aligned_alloc(256, 256);
    ck_assert(brkm__guarded_contains(memory) && (uintptr_t)memory % 256 == 0);
    brkm_free_aligned_sized(memory, 256, 256);
    memory = brkm_reallocarray(NULL, 3, 5);
    ck_assert_uint_eq(brkm_malloc_usable_size(memory), 15);
    brkm_cfree(memory);
    ck_assert_uint_eq(brkm__guarded_totals().blocks, 0);
}
END_TEST

START_TEST(blocks_go_between_the_heap_and_the_pool)
{
    unsigned char *memory = guarded(PAGE);
    unit_fill(memory, PAGE, 2);
    memory = brkm_realloc(memory, PAGE + 1);
    ck_assert(!brkm__guarded_contains(memory) && unit_is_filled(memory, PAGE, 2));
    memory = brkm_realloc(memory, 100 * PAGE);
    memory = brkm_realloc(memory, PAGE);
    ck_assert(unit_is_filled(memory, 256, 2));
    brkm_free(memory);
    for (int i = 0; i < SLOTS; i++) {
        ck_assert(brkm__guarded_contains(brkm_malloc(0)));
    }
    ck_assert(!brkm__guarded_contains(brkm_malloc(1)));
}
END_TEST

START_TEST(statistics_add_up)
{
    void *memory = guarded(100);
    guarded(30);
    brkm_free(memory);
    brkm_malloc(PAGE + 1);
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    ck_assert_uint_eq(now.memory_in_use + now.memory_cached + now.memory_free + now.memory_overhead,
                      now.memory_total);
    ck_assert_uint_eq(now.memory_total, fake_os_break_raised() + fake_os_mapped_bytes() -
                                            align_up(sizeof(*detail), PAGE));
    ck_assert_uint_eq(now.served_guarded_blocks, 2);
    ck_assert_uint_eq(now.in_use_guarded_blocks, 1);
    ck_assert_uint_eq(now.in_use_guarded_bytes, 30);
    brkm__snapshot_end(detail);
    ck_assert_uint_eq(brkm_mallinfo2().hblks, 1);
    ck_assert_uint_eq(brkm_mallinfo2().hblkhd, PAGE);
}
END_TEST

static void free_it(void *memory)
{
    brkm_free(memory);
}

static void resize_it(void *memory)
{
    if (brkm_realloc(memory, 200) == NULL) {
        abort();
    }
}

static void free_wrong_size(void *memory)
{
    brkm_free_sized(memory, 99);
}

static void check_all(void *unused)
{
    (void)unused;
    brkm__hardened_check_all();
}

static void expect_death(void (*misuse)(void *), void *memory, const char *words, bool was_freed)
{
    fake_os_forget_text();
    ck_assert(fake_os_dies(misuse, memory));
    ck_assert_msg(unit_said(words), "said \"%s\"", fake_os_text());
    ck_assert(unit_said("brkmalloc:   allocated by thread 4242:\n"));
    ck_assert_int_eq(unit_said("brkmalloc:   freed by thread 4242:\n"), was_freed);
}

START_TEST(misuse_is_named_with_both_stacks)
{
    char *memory = guarded(100);
    expect_death(free_wrong_size, memory, "brkmalloc: freed with a wrong size at 0x", false);
    brkm_free(memory);
    expect_death(free_it, memory, "brkmalloc: double free at 0x", true);
    ck_assert(unit_said(" (block of 100 bytes, called from free)\n"));
    expect_death(resize_it, memory, "brkmalloc: use of a freed block at 0x", true);
    memory = guarded(100);
    expect_death(free_it, memory + 16, "brkmalloc: invalid pointer, not the start of a block",
                 false);
    memory[100] ^= 1;
    expect_death(check_all, NULL, "brkmalloc: write past the end, canary overwritten", false);
    ck_assert(unit_said(", called from exit)\n"));
    expect_death(free_it, memory, "brkmalloc: write past the end, canary overwritten", false);
    memory = allocate_at(100, false);
    memory[-1] ^= 1;
    expect_death(free_it, memory, "brkmalloc: write before the start, canary overwritten", false);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("guarded");
    TCase *places = unit_case(suite, "places");
    tcase_add_checked_fixture(places, use_few_slots, NULL);
    tcase_add_loop_test(places, a_block_lies_alone_between_inaccessible_pages, 0, 3);
    tcase_add_test(places, what_does_not_fit_a_page_is_refused);
    tcase_add_test(places, a_freed_slot_comes_back_as_late_as_possible);
    tcase_add_test(places, when_all_slots_are_in_use_there_are_no_more);
    tcase_add_test(places, a_pool_of_no_slots_has_none);
    TCase *knowledge = unit_case(suite, "knowledge");
    tcase_add_checked_fixture(knowledge, use_few_slots, NULL);
    tcase_add_test(knowledge, a_block_is_known_by_its_start_alone);
    tcase_add_test(knowledge, every_byte_around_a_block_is_watched);
    tcase_add_test(knowledge, a_terminating_zero_is_noticed_always);
    tcase_add_test(knowledge, an_access_is_meant_for_the_nearest_block);
    tcase_add_test(knowledge, the_ends_of_the_pool_have_one_neighbour);
    tcase_add_test(knowledge, who_allocated_and_who_freed_is_kept);
    TCase *refusals = unit_case(suite, "refusals");
    tcase_add_checked_fixture(refusals, use_few_slots, NULL);
    tcase_add_loop_test(refusals, a_pool_that_cannot_be_made_is_tried_again, 0, 3);
    tcase_add_test(refusals, the_pool_respects_the_hard_limit);
    tcase_add_test(refusals, a_slot_that_cannot_be_opened_is_not_lost);
    tcase_add_test(refusals, a_page_that_cannot_be_given_back_is_cleared);
    TCase *sampling = unit_case(suite, "sampling");
    tcase_add_loop_test(sampling, one_allocation_in_so_many_is_due, 0, 4);
    tcase_add_test(sampling, a_child_guards_other_allocations);
    TCase *whole = unit_case(suite, "whole");
    tcase_add_checked_fixture(whole, guard_everything, NULL);
    tcase_add_test(whole, every_function_of_the_family_gives_and_takes_guarded_blocks);
    tcase_add_test(whole, blocks_go_between_the_heap_and_the_pool);
    tcase_add_test(whole, statistics_add_up);
    TCase *misuse = unit_case(suite, "misuse");
    tcase_add_checked_fixture(misuse, guard_everything, NULL);
    tcase_add_test(misuse, misuse_is_named_with_both_stacks);
    return suite;
}
