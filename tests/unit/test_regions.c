/* SPDX-License-Identifier: MIT
 * regions.h: which addresses belong to the heap. */
#include "heap/regions.h"
#include "heap/walk.h"

#include <pthread.h>

#include "system/os.h"
#include "unit.h"

static bool contains(uintptr_t address)
{
    return brkm__regions_contain_payload((const void *)address);
}

static struct mem_control_block *first_at(uintptr_t start)
{
    return (struct mem_control_block *)(start + BRKM_HEADER_SIZE);
}

static struct region *add(enum region_kind kind, uintptr_t start, uintptr_t end)
{
    return brkm__regions_add(kind, start, end, first_at(start));
}

START_TEST(without_regions_nothing_belongs_to_the_heap)
{
    static const uintptr_t addresses[] = {0, 16, 0x1000, 0x7fffffff0000, ~(uintptr_t)15};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        ck_assert(!contains(addresses[i]));
    }
    ck_assert_ptr_null(brkm__regions_next(NULL));
}
END_TEST

START_TEST(a_region_contains_its_aligned_addresses_alone)
{
    enum region_kind kind = _i == 0 ? REGION_BREAK : REGION_FALLBACK;
    ck_assert_ptr_nonnull(add(kind, 0x100000, 0x200000));
    ck_assert(contains(0x100000 + 16));
    ck_assert(contains(0x200000 - 16));
    ck_assert(!contains(0x200000));
    ck_assert(!contains(0x100000 - 16));
    /* The header of a payload at the very start would lie before the region. */
    ck_assert(!contains(0x100000));
    ck_assert(!contains(0));
    ck_assert(!contains(~(uintptr_t)15));
    for (uintptr_t offset = 1; offset < 16; offset++) {
        ck_assert(!contains(0x150000 + offset));
    }
}
END_TEST

START_TEST(a_break_region_s_end_moves_both_ways)
{
    struct region *region = add(REGION_BREAK, 0x100000, 0x101000);
    ck_assert(!contains(0x101000));
    brkm__regions_move_end(region, 0x180000);
    ck_assert(contains(0x101000));
    ck_assert(contains(0x180000 - 16));
    ck_assert(!contains(0x180000));
    brkm__regions_move_end(region, 0x140000);
    ck_assert(contains(0x140000 - 16));
    ck_assert(!contains(0x140000));
}
END_TEST

START_TEST(a_region_may_begin_and_end_unaligned)
{
    ck_assert_ptr_nonnull(
        brkm__regions_add(REGION_BREAK, 0x100003, 0x10ffff, (struct mem_control_block *)0x100018));
    ck_assert(contains(0x100020));
    ck_assert(contains(0x10ffe0));
    ck_assert(!contains(0x110000));
    for (uintptr_t offset = 1; offset < 16; offset++) {
        ck_assert(!contains(0x100020 + offset));
    }
}
END_TEST

START_TEST(several_break_regions_lie_in_one_window)
{
    add(REGION_BREAK, 0x100000, 0x110000);
    struct region *second = add(REGION_BREAK, 0x120000, 0x130000);
    ck_assert(contains(0x108000));
    ck_assert(contains(0x128000));
    ck_assert(!contains(0x130000));
    brkm__regions_move_end(second, 0x140000);
    ck_assert(contains(0x138000));
}
END_TEST

START_TEST(a_removed_fallback_region_is_forgotten)
{
    struct region *region = add(REGION_FALLBACK, 0x100000, 0x110000);
    struct region *other = add(REGION_FALLBACK, 0x300000, 0x310000);
    ck_assert(contains(0x108000));
    brkm__regions_remove(region);
    ck_assert(!contains(0x108000));
    ck_assert(contains(0x308000));
    ck_assert_ptr_null(brkm__regions_around(0x108000));
    ck_assert_ptr_eq(brkm__regions_around(0x308001), other);
    ck_assert_ptr_eq(brkm__regions_next(NULL), other);
    ck_assert_ptr_null(brkm__regions_next(other));
    ck_assert_ptr_nonnull(add(REGION_FALLBACK, 0x500000, 0x510000));
    ck_assert(contains(0x508000));
}
END_TEST

START_TEST(every_region_is_stepped_through_and_found)
{
    for (uintptr_t i = 1; i <= 10; i++) {
        add(REGION_FALLBACK, i * 0x100000, i * 0x100000 + 0x1000);
    }
    size_t seen = 0;
    for (struct region *region = brkm__regions_next(NULL); region != NULL;
         region = brkm__regions_next(region)) {
        ck_assert_ptr_eq(brkm__regions_around((uintptr_t)region->first), region);
        seen++;
    }
    ck_assert_uint_eq(seen, 10);
    ck_assert_ptr_null(brkm__regions_around(0x101000));
}
END_TEST

START_TEST(the_table_of_regions_fills_up_and_entries_are_used_again)
{
    struct region *last = NULL;
    for (uintptr_t i = 1; i <= BRKM_REGION_COUNT; i++) {
        last = add(REGION_FALLBACK, i * 0x100000, i * 0x100000 + 0x1000);
        ck_assert_ptr_nonnull(last);
    }
    ck_assert_ptr_null(add(REGION_FALLBACK, 0x1000, 0x2000));
    ck_assert(!contains(0x1010));
    brkm__regions_remove(last);
    ck_assert_ptr_nonnull(add(REGION_FALLBACK, 0x1000, 0x2000));
    ck_assert(contains(0x1010));
    ck_assert_ptr_null(add(REGION_FALLBACK, 0x3000, 0x4000));
}
END_TEST

/* ---- Boundaries ---- */

static bool is_boundary(const struct mem_control_block *block)
{
    return brkm__walk_find(block) == block;
}

START_TEST(only_a_block_s_own_header_is_a_boundary)
{
    brkm__block_draw_secret();
    uintptr_t start = (uintptr_t)brkm__os_map(PAGE);
    struct mem_control_block *first = first_at(start);
    add(REGION_FALLBACK, start, start + PAGE);
    static const size_t sizes[] = {32, 64, 1024, 48};
    struct mem_control_block *block = first;
    for (size_t i = 0; i < 4; i++) {
        block_create(block, sizes[i], BLOCK_IN_USE);
        block = block_next(block);
    }
    block_create(block, 0, BLOCK_FENCEPOST);
    size_t boundaries = 0;
    for (size_t offset = 0; offset < PAGE - BRKM_ALIGNMENT; offset += BRKM_ALIGNMENT) {
        boundaries += is_boundary(block_at_offset(first, offset));
    }
    ck_assert_uint_eq(boundaries, 5);
    ck_assert(is_boundary(block_at_offset(first, 32 + 64 + 1024)));
    ck_assert(!is_boundary(block_at_offset(first, 2 * PAGE)));
}
END_TEST

START_TEST(a_damaged_header_is_still_a_boundary_and_ends_the_walk)
{
    brkm__block_draw_secret();
    uintptr_t start = (uintptr_t)brkm__os_map(PAGE);
    struct mem_control_block *first = first_at(start);
    add(REGION_FALLBACK, start, start + PAGE);
    struct mem_control_block *second = block_at_offset(first, 64);
    struct mem_control_block *third = block_at_offset(second, 64);
    block_create(first, 64, BLOCK_IN_USE);
    block_create(second, 64, BLOCK_IN_USE);
    block_create(third, 0, BLOCK_FENCEPOST);
    second->seal ^= 0x10000;
    ck_assert(is_boundary(second));
    ck_assert(!is_boundary(third));
}
END_TEST

/* A free of a mapped block looks at all regions without a lock, while the heap uses an entry again.
 * The thread sanitizer's build sees each access. */

#define STEADY 0x700000
#define ROUNDS 20000

static _Atomic(bool) lookups_end;

static void *look_up(void *ignored)
{
    (void)ignored;
    while (!lookups_end) {
        ck_assert(contains(STEADY + 64));
        ck_assert(!contains(STEADY + 0x10000));
    }
    return NULL;
}

START_TEST(an_entry_is_used_again_while_others_look)
{
    pthread_t reader;
    add(REGION_FALLBACK, STEADY, STEADY + 0x1000);
    ck_assert_int_eq(pthread_create(&reader, NULL, look_up, NULL), 0);
    for (uintptr_t i = 0; i < ROUNDS; i++) {
        uintptr_t start = 0x1000000 + i * 0x1000;
        struct region *region = add(REGION_FALLBACK, start, start + 0x1000);
        ck_assert(contains(start + 64));
        brkm__regions_remove(region);
    }
    lookups_end = true;
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("regions");
    TCase *addresses = unit_case(suite, "addresses");
    tcase_add_test(addresses, without_regions_nothing_belongs_to_the_heap);
    tcase_add_loop_test(addresses, a_region_contains_its_aligned_addresses_alone, 0, 2);
    tcase_add_test(addresses, a_break_region_s_end_moves_both_ways);
    tcase_add_test(addresses, a_region_may_begin_and_end_unaligned);
    tcase_add_test(addresses, several_break_regions_lie_in_one_window);
    tcase_add_test(addresses, a_removed_fallback_region_is_forgotten);
    tcase_add_test(addresses, an_entry_is_used_again_while_others_look);
    tcase_add_test(addresses, every_region_is_stepped_through_and_found);
    tcase_add_test(addresses, the_table_of_regions_fills_up_and_entries_are_used_again);
    TCase *boundaries = unit_case(suite, "boundaries");
    tcase_add_test(boundaries, only_a_block_s_own_header_is_a_boundary);
    tcase_add_test(boundaries, a_damaged_header_is_still_a_boundary_and_ends_the_walk);
    return suite;
}
