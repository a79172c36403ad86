/* SPDX-License-Identifier: MIT
 * top.h: growth, foreign breaks, trimming, and which bytes are known to be zero. */
#include "heap/top.h"

#include <string.h>

#include "system/os.h"
#include "unit.h"

static struct top top;

static void draw_secret(void)
{
    brkm__block_draw_secret();
}

static struct top_growth grow(size_t size)
{
    return brkm__top_grow(&top, size, size + 8 * PAGE);
}

static struct mem_control_block *carve(size_t size)
{
    size_t dirty;
    return brkm__top_carve(&top, size, &dirty);
}

/* Whatever happened: the top ends with the break, and its header is one. */
static void expect_sound(void)
{
    ck_assert_ptr_nonnull(top.block);
    ck_assert_int_eq((int)block_state(top.block), (int)BLOCK_TOP);
    ck_assert_uint_eq((uintptr_t)block_payload(top.block) % BRKM_ALIGNMENT, 0);
    ck_assert_uint_eq(top.end, fake_os_break());
    ck_assert_uint_eq(top.region->end, top.end);
    ck_assert_uint_eq(top.from_system, fake_os_break_raised());
    ck_assert(fake_os_foreign_is_intact());
    if (top.zero_from < top.end) {
        ck_assert(unit_is_zero((void *)top.zero_from, top.end - top.zero_from));
    }
}

/* Carves a block and verifies what is said of its zero bytes; then fills it. */
static struct mem_control_block *carve_and_fill(size_t size)
{
    size_t dirty;
    struct mem_control_block *block = brkm__top_carve(&top, size, &dirty);
    unsigned char *payload = block_payload(block);
    size_t usable = block_usable_size(block);
    ck_assert_uint_eq(block_size(block), size);
    ck_assert_int_eq((int)block_state(block), (int)BLOCK_IN_USE);
    if (dirty < usable) {
        ck_assert(unit_is_zero(payload + dirty, usable - dirty));
    }
    memset(payload, 0xee, usable);
    return block;
}

/* ---- Growth ---- */

START_TEST(a_top_that_has_not_begun_has_nothing)
{
    ck_assert_uint_eq(brkm__top_available(&top), 0);
    ck_assert_uint_eq(brkm__top_trim(&top, 0, PAGE), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_BREAK_RAISE], 0);
}
END_TEST

START_TEST(the_first_growth_works_from_any_break)
{
    static const size_t pages[] = {4096, 16384, 65536};
    static const size_t requests[] = {32, 48, 4064, 4080, 4096, 65536, BRKM_MIB};
    size_t page = pages[_i % 3];
    size_t offset = (size_t)_i / 3;
    offset = offset < 40 ? offset : page - (80 - offset);
    size_t request = requests[(size_t)_i % 7];
    fake_os_start(page, offset);
    struct top_growth growth = brkm__top_grow(&top, request, request);
    ck_assert(growth.grown);
    ck_assert_ptr_null(growth.rest);
    expect_sound();
    ck_assert_uint_ge(brkm__top_available(&top), request);
    ck_assert_uint_eq(top.end % page, 0);
    ck_assert_uint_lt(brkm__top_available(&top), request + page + 32);
    carve_and_fill(request);
    expect_sound();
}
END_TEST

START_TEST(growth_gives_what_is_wanted_where_it_can)
{
    struct top_growth growth = brkm__top_grow(&top, 64, 100 * PAGE);
    ck_assert(growth.grown);
    ck_assert_uint_ge(brkm__top_available(&top), 100 * PAGE);
    ck_assert_uint_eq(top.grown, 1);
    ck_assert_uint_eq(top.from_system_peak, top.from_system);
}
END_TEST

START_TEST(growth_falls_back_to_what_is_needed)
{
    struct top_growth growth = brkm__top_grow(&top, PAGE, 64 * BRKM_GIB);
    ck_assert(growth.grown);
    ck_assert_uint_ge(brkm__top_available(&top), PAGE);
    ck_assert_uint_lt(brkm__top_available(&top), 3 * PAGE);
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, false);
    growth = brkm__top_grow(&top, 10 * PAGE, 20 * PAGE);
    ck_assert(growth.grown);
    ck_assert_uint_ge(brkm__top_available(&top), 10 * PAGE);
    ck_assert_uint_lt(brkm__top_available(&top), 20 * PAGE);
    expect_sound();
}
END_TEST

START_TEST(a_second_growth_extends_the_region)
{
    ck_assert(grow(64).grown);
    const struct region *region = top.region;
    struct mem_control_block *block = carve_and_fill(64);
    for (int i = 0; i < 20; i++) {
        struct top_growth growth = grow(brkm__top_available(&top) + 16);
        ck_assert(growth.grown);
        ck_assert_ptr_null(growth.rest);
        ck_assert_ptr_eq(top.region, region);
        expect_sound();
    }
    ck_assert_ptr_eq(block_next(block), top.block);
    ck_assert_ptr_null(brkm__regions_next(region));
}
END_TEST

START_TEST(a_break_that_cannot_be_raised_leaves_all_as_it_was)
{
    ck_assert(grow(64).grown);
    carve_and_fill(64);
    struct top before = top;
    fake_os_fail(_i == 0 ? FAKE_ONLY(FAKE_BREAK_RAISE) : FAKE_ONLY(FAKE_BREAK_READ), 1, true);
    struct top_growth growth = grow(BRKM_MIB);
    ck_assert(!growth.grown);
    ck_assert_ptr_null(growth.rest);
    ck_assert_mem_eq(&before, &top, sizeof(top));
    fake_os_fail(0, 0, false);
    expect_sound();
    ck_assert(grow(BRKM_MIB).grown);
    expect_sound();
}
END_TEST

START_TEST(no_size_is_too_large_to_be_refused)
{
    static const size_t sizes[] = {SIZE_MAX - 15, SIZE_MAX - 4096, (size_t)1 << 63,
                                   PTRDIFF_MAX - 15, 100 * BRKM_GIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ck_assert(!brkm__top_grow(&top, sizes[i], sizes[i]).grown);
    }
    ck_assert(grow(64).grown);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ck_assert(!brkm__top_grow(&top, sizes[i], sizes[i]).grown);
    }
    expect_sound();
}
END_TEST

/* ---- Carve and absorb ---- */

START_TEST(the_top_can_be_carved_to_the_last_byte)
{
    ck_assert(brkm__top_grow(&top, 2 * PAGE, 2 * PAGE).grown);
    while (brkm__top_available(&top) >= BRKM_MIN_BLOCK) {
        size_t rest = brkm__top_available(&top) - BRKM_MIN_BLOCK;
        carve_and_fill(rest < BRKM_MIN_BLOCK ? brkm__top_available(&top) : BRKM_MIN_BLOCK);
        expect_sound();
    }
    ck_assert_uint_eq(brkm__top_available(&top), 0);
    ck_assert_uint_eq((uintptr_t)top.block + BRKM_HEADER_SIZE, top.end);
    ck_assert(grow(PAGE).grown);
    carve_and_fill(PAGE);
    expect_sound();
}
END_TEST

static void carve_small(void *unused)
{
    (void)unused;
    carve(64);
}

START_TEST(an_overwritten_header_ends_the_program)
{
    ck_assert(brkm__top_grow(&top, 1000, 1000).grown);
    carve(64);
    *(unsigned char *)top.block ^= 1;
    ck_assert(fake_os_dies(carve_small, NULL));
    ck_assert(unit_said("header overwritten"));
}
END_TEST

START_TEST(what_is_absorbed_is_not_taken_for_zero)
{
    ck_assert(grow(8 * PAGE).grown);
    struct mem_control_block *block = carve_and_fill(2 * PAGE);
    size_t available = brkm__top_available(&top);
    brkm__top_absorb(&top, block);
    ck_assert_ptr_eq(top.block, block);
    ck_assert_uint_eq(brkm__top_available(&top), available + 2 * PAGE);
    expect_sound();
    carve_and_fill(PAGE);
    carve_and_fill(3 * PAGE);
    expect_sound();
}
END_TEST

START_TEST(bytes_above_an_unaligned_first_break_are_not_taken_for_zero)
{
    for (size_t offset = 1; offset < PAGE; offset += 409) {
        memset(&top, 0, sizeof(top));
        fake_os_start(PAGE, offset);
        ck_assert(grow(3 * PAGE).grown);
        size_t dirty;
        struct mem_control_block *block = brkm__top_carve(&top, 3 * PAGE, &dirty);
        const unsigned char *payload = block_payload(block);
        ck_assert_uint_le(dirty, PAGE);
        ck_assert(unit_is_zero(payload + dirty, block_usable_size(block) - dirty));
        brkm__regions_remove(top.region);
    }
}
END_TEST

/* ---- Other code moves the break ---- */

START_TEST(a_foreign_break_leaves_a_gap_behind_a_fencepost)
{
    size_t foreign = (size_t)_i + 1;
    ck_assert(grow(64).grown);
    struct mem_control_block *block = carve_and_fill(64);
    struct region *old_region = top.region;
    uintptr_t old_end = top.end;
    fake_os_foreign_sbrk((intptr_t)foreign);
    struct top_growth growth = grow(BRKM_MIB);
    ck_assert(growth.grown);
    expect_sound();
    ck_assert_ptr_ne(top.region, old_region);
    ck_assert_uint_ge((uintptr_t)top.block, old_end + foreign);
    ck_assert_ptr_eq(growth.rest, block_next(block));
    ck_assert_int_eq((int)block_state(growth.rest), (int)BLOCK_IN_USE);
    const struct mem_control_block *fencepost = block_next(growth.rest);
    ck_assert_int_eq((int)block_state(fencepost), (int)BLOCK_FENCEPOST);
    ck_assert_uint_le((uintptr_t)fencepost + BRKM_HEADER_SIZE, old_end);
    ck_assert_uint_gt((uintptr_t)fencepost + BRKM_HEADER_SIZE + BRKM_ALIGNMENT, old_end);
    ck_assert_uint_eq(old_region->end, (uintptr_t)fencepost + BRKM_HEADER_SIZE);
    carve_and_fill(BRKM_MIB);
    expect_sound();
}
END_TEST

START_TEST(a_full_top_before_a_foreign_break_leaves_a_fencepost_alone)
{
    ck_assert(brkm__top_grow(&top, PAGE, PAGE).grown);
    size_t left = _i == 0 ? 0 : BRKM_ALIGNMENT;
    struct mem_control_block *block = carve(brkm__top_available(&top) - left);
    fake_os_foreign_sbrk(100);
    struct top_growth growth = grow(PAGE);
    ck_assert(growth.grown);
    ck_assert_ptr_null(growth.rest);
    ck_assert_int_eq((int)block_state(block_next(block)), (int)BLOCK_FENCEPOST);
    expect_sound();
}
END_TEST

START_TEST(a_foreign_break_that_comes_between_reading_and_raising_is_seen)
{
    static const size_t raced[] = {1, 8, 15, 16, 100, 4096, 5000};
    if (_i >= 7) {
        ck_assert(grow(64).grown);
        carve_and_fill(64);
    }
    fake_os.race_bytes = raced[_i % 7];
    grow(BRKM_MIB);
    expect_sound();
    if (brkm__top_available(&top) < BRKM_MIB) {
        ck_assert(grow(BRKM_MIB).grown);
    }
    carve_and_fill(BRKM_MIB);
    expect_sound();
}
END_TEST

/* Wanted is what ends exactly with a page; the start elsewhere takes some bytes of that. */
START_TEST(a_foreign_break_in_between_takes_less_than_was_wanted_beyond_need)
{
    ck_assert(grow(PAGE).grown);
    fake_os.race_bytes = 5;
    size_t wanted = 20 * PAGE - 2 * BRKM_HEADER_SIZE;
    struct top_growth growth = brkm__top_grow(&top, 10 * PAGE, wanted + BRKM_ALIGNMENT);
    ck_assert_ptr_nonnull(growth.rest);
    ck_assert_uint_ge(brkm__top_available(&top), 10 * PAGE);
    ck_assert(growth.grown);
    expect_sound();
}
END_TEST

START_TEST(a_foreign_break_that_was_given_back_is_forgotten_but_for_its_dirt)
{
    static const size_t sizes[] = {1, 100, 4096, 4097, 100000};
    ck_assert(grow(64).grown);
    const struct region *region = top.region;
    for (size_t i = 0; i < 5; i++) {
        fake_os_foreign_sbrk((intptr_t)sizes[i]);
        fake_os_foreign_sbrk(-(intptr_t)sizes[i]);
        struct top_growth growth = grow(brkm__top_available(&top) + 3 * PAGE);
        ck_assert(growth.grown);
        ck_assert_ptr_eq(top.region, region);
        carve_and_fill(2 * PAGE);
        expect_sound();
    }
}
END_TEST

/* Other code wrote into the rest of the page that the top ends in, and gave it back. */
START_TEST(dirt_behind_an_unaligned_end_is_not_taken_for_zero)
{
    fake_os.race_bytes = 100;
    ck_assert(grow(20 * PAGE).grown);
    ck_assert_uint_ne(top.end % PAGE, 0);
    fake_os_foreign_sbrk(333);
    fake_os_foreign_sbrk(-333);
    const struct region *region = top.region;
    ck_assert(grow(brkm__top_available(&top) + 3 * PAGE).grown);
    ck_assert_ptr_eq(top.region, region);
    expect_sound();
    carve_and_fill(20 * PAGE);
    carve_and_fill(2 * PAGE);
    expect_sound();
}
END_TEST

/* The page that the break lies in cannot be discarded, and yet counts as zero afterwards. */
START_TEST(a_purge_up_to_an_unaligned_end_leaves_no_dirt)
{
    fake_os.race_bytes = 1008;
    ck_assert(grow(20 * PAGE).grown);
    ck_assert_uint_ne(top.end % PAGE, 0);
    size_t all = align_down(brkm__top_available(&top), BRKM_ALIGNMENT);
    struct mem_control_block *block = carve_and_fill(all);
    brkm__top_absorb(&top, block);
    ck_assert_uint_gt(brkm__top_purge(&top, SIZE_MAX, PAGE), 0);
    expect_sound();
    carve_and_fill(all);
    expect_sound();
}
END_TEST

START_TEST(a_break_lowered_within_the_free_top_is_followed)
{
    static const size_t taken[] = {1, 8, 15, 16, 17, 4096, 5000, 3 * 4096};
    ck_assert(grow(16 * PAGE).grown);
    carve_and_fill(PAGE);
    fake_os_foreign_sbrk(-(intptr_t)taken[_i]);
    uintptr_t lowered = fake_os_break();
    struct top_growth growth = grow(64 * PAGE);
    if (!growth.grown) {
        /* An end inside 16 bytes makes the rest a region of its own; growth goes on behind it. */
        ck_assert_ptr_nonnull(growth.rest);
        growth = grow(64 * PAGE);
    }
    ck_assert(growth.grown);
    ck_assert_uint_gt(fake_os_break(), lowered);
    ck_assert_uint_eq(top.end, fake_os_break());
    ck_assert_int_eq((int)block_state(top.block), (int)BLOCK_TOP);
    carve_and_fill(64 * PAGE);
    ck_assert(unit_is_zero((void *)top.zero_from, top.end - top.zero_from));
}
END_TEST

static void grow_more(void *unused)
{
    (void)unused;
    grow(64 * PAGE);
}

START_TEST(a_break_lowered_over_blocks_ends_the_program)
{
    ck_assert(brkm__top_grow(&top, 16 * PAGE, 16 * PAGE).grown);
    carve_and_fill(12 * PAGE);
    fake_os_foreign_sbrk(-(intptr_t)(8 * PAGE));
    ck_assert(fake_os_dies(grow_more, NULL));
    ck_assert(unit_said("the program's own brk or sbrk took away memory of the heap"));
}
END_TEST

START_TEST(a_full_table_of_regions_costs_no_break)
{
    for (uintptr_t i = 1; i <= BRKM_REGION_COUNT; i++) {
        brkm__regions_add(REGION_FALLBACK, i << 40, (i << 40) + PAGE, NULL);
    }
    uintptr_t before = fake_os_break();
    for (int i = 0; i < 3; i++) {
        struct top_growth growth = grow(PAGE);
        ck_assert(!growth.grown);
        ck_assert_ptr_null(growth.rest);
    }
    ck_assert_uint_eq(fake_os_break(), before);
    ck_assert_uint_eq(top.from_system, fake_os_break_raised());
    ck_assert_uint_eq(brkm__top_available(&top), 0);
}
END_TEST

/* ---- Trim ---- */

START_TEST(trim_gives_back_whole_pages_but_the_pad)
{
    static const size_t pads[] = {0, 4097, 12000, 20480, 40000, 200000};
    ck_assert(brkm__top_grow(&top, 128 * PAGE, 128 * PAGE).grown);
    carve_and_fill(PAGE);
    for (size_t i = 6; i-- > 0;) {
        size_t before = brkm__top_available(&top);
        size_t released = brkm__top_trim(&top, pads[i], PAGE);
        size_t available = brkm__top_available(&top);
        ck_assert_uint_gt(released, 0);
        ck_assert_uint_eq(released % PAGE, 0);
        ck_assert_uint_eq(available, before - released);
        ck_assert_uint_ge(available + 2 * BRKM_HEADER_SIZE, pads[i]);
        ck_assert_uint_le(available, pads[i] + PAGE + 2 * BRKM_HEADER_SIZE);
        expect_sound();
        ck_assert_uint_eq(brkm__top_trim(&top, pads[i], PAGE), 0);
    }
    ck_assert_uint_eq(top.trimmed, 6);
    ck_assert_uint_ge(top.from_system_peak, 128 * PAGE);
}
END_TEST

START_TEST(what_comes_back_after_a_trim_is_zero_again)
{
    ck_assert(grow(64 * PAGE).grown);
    struct mem_control_block *block = carve_and_fill(60 * PAGE);
    brkm__top_absorb(&top, block);
    ck_assert_uint_gt(brkm__top_trim(&top, 0, PAGE), 0);
    ck_assert(grow(64 * PAGE).grown);
    expect_sound();
    ck_assert_uint_lt(top.zero_from, (uintptr_t)top.block + 2 * PAGE);
    carve_and_fill(60 * PAGE);
    expect_sound();
}
END_TEST

START_TEST(trim_leaves_a_foreign_break_alone)
{
    ck_assert(grow(64 * PAGE).grown);
    fake_os_foreign_sbrk(_i == 0 ? 100 : -100);
    uintptr_t now = fake_os_break();
    ck_assert_uint_eq(brkm__top_trim(&top, 0, PAGE), 0);
    ck_assert_uint_eq(fake_os_break(), now);
    ck_assert_uint_eq(fake_os.calls[FAKE_BREAK_LOWER], 0);
}
END_TEST

START_TEST(a_trim_that_the_system_refuses_changes_nothing)
{
    ck_assert(grow(64 * PAGE).grown);
    struct top before = top;
    fake_os_fail(_i == 0 ? FAKE_ONLY(FAKE_BREAK_LOWER) : FAKE_ONLY(FAKE_BREAK_READ), 1, true);
    ck_assert_uint_eq(brkm__top_trim(&top, 0, PAGE), 0);
    ck_assert_mem_eq(&before, &top, sizeof(top));
    fake_os_fail(0, 0, false);
    expect_sound();
}
END_TEST

START_TEST(no_pad_is_so_large_that_it_wraps_round)
{
    static const size_t pads[] = {
        SIZE_MAX,     SIZE_MAX - 7,         SIZE_MAX - 8, SIZE_MAX - 4096, SIZE_MAX - BRKM_MIB,
        SIZE_MAX / 2, (size_t)0 - 64 * 4096};
    ck_assert(brkm__top_grow(&top, 128 * PAGE, 128 * PAGE).grown);
    carve_and_fill(120 * PAGE);
    for (int full = 0; full < 2; full++) {
        uintptr_t now = fake_os_break();
        for (size_t i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
            ck_assert_uint_eq(brkm__top_trim(&top, pads[i], PAGE), 0);
            ck_assert_uint_eq(fake_os_break(), now);
        }
        if (full == 0) {
            carve_and_fill(brkm__top_available(&top));
        }
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("top");
    TCase *growth = unit_case(suite, "growth");
    tcase_add_checked_fixture(growth, draw_secret, NULL);
    tcase_add_test(growth, a_top_that_has_not_begun_has_nothing);
    tcase_add_loop_test(growth, the_first_growth_works_from_any_break, 0, 3 * 80);
    tcase_add_test(growth, growth_gives_what_is_wanted_where_it_can);
    tcase_add_test(growth, growth_falls_back_to_what_is_needed);
    tcase_add_test(growth, a_second_growth_extends_the_region);
    tcase_add_loop_test(growth, a_break_that_cannot_be_raised_leaves_all_as_it_was, 0, 2);
    tcase_add_test(growth, no_size_is_too_large_to_be_refused);
    tcase_add_test(growth, the_top_can_be_carved_to_the_last_byte);
    tcase_add_test(growth, an_overwritten_header_ends_the_program);
    tcase_add_test(growth, what_is_absorbed_is_not_taken_for_zero);
    tcase_add_test(growth, bytes_above_an_unaligned_first_break_are_not_taken_for_zero);
    TCase *foreign = unit_case(suite, "foreign break");
    tcase_add_checked_fixture(foreign, draw_secret, NULL);
    tcase_add_loop_test(foreign, a_foreign_break_leaves_a_gap_behind_a_fencepost, 0, 40);
    tcase_add_loop_test(foreign, a_full_top_before_a_foreign_break_leaves_a_fencepost_alone, 0, 2);
    tcase_add_loop_test(foreign, a_foreign_break_that_comes_between_reading_and_raising_is_seen, 0,
                        14);
    tcase_add_test(foreign, a_foreign_break_in_between_takes_less_than_was_wanted_beyond_need);
    tcase_add_test(foreign, a_foreign_break_that_was_given_back_is_forgotten_but_for_its_dirt);
    tcase_add_test(foreign, dirt_behind_an_unaligned_end_is_not_taken_for_zero);
    tcase_add_test(foreign, a_purge_up_to_an_unaligned_end_leaves_no_dirt);
    tcase_add_loop_test(foreign, a_break_lowered_within_the_free_top_is_followed, 0, 8);
    tcase_add_test(foreign, a_break_lowered_over_blocks_ends_the_program);
    tcase_add_test(foreign, a_full_table_of_regions_costs_no_break);
    TCase *trim = unit_case(suite, "trim");
    tcase_add_checked_fixture(trim, draw_secret, NULL);
    tcase_add_test(trim, trim_gives_back_whole_pages_but_the_pad);
    tcase_add_test(trim, what_comes_back_after_a_trim_is_zero_again);
    tcase_add_loop_test(trim, trim_leaves_a_foreign_break_alone, 0, 2);
    tcase_add_loop_test(trim, a_trim_that_the_system_refuses_changes_nothing, 0, 2);
    tcase_add_test(trim, no_pad_is_so_large_that_it_wraps_round);
    return suite;
}
