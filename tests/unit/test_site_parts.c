/* SPDX-License-Identifier: MIT
 * stats/site_parts.h: estimates of samples stay as they are while there is as much, and are cut to
 * what there is of a bin where they are more. */
#include "stats/site_parts.h"

#include "unit.h"

enum { SMALL = 3, LARGE = 40 };

static char stacks[3];
static struct site_parts parts;
static struct memory_shares shares;

static struct note note_of(size_t stack, uint64_t blocks, uint64_t size)
{
    return (struct note){1, &stacks[stack], {blocks * size, blocks * SAMPLING_BLOCK}};
}

static void add(size_t stack, unsigned bin, uint64_t blocks, size_t size, size_t pinned)
{
    struct sight whole = {.size = size + BRKM_HEADER_SIZE + 8, .bin = bin};
    struct sight on_page = {.pinned = pinned, .bin = bin};
    brkm__site_parts_add(&parts, &whole, note_of(stack, blocks, size));
    brkm__site_parts_add(&parts, &on_page, note_of(stack, blocks, size));
}

static void begin(uint64_t small_blocks, uint64_t small_pinned)
{
    parts = (struct site_parts){.left_out = 0};
    shares = (struct memory_shares){.has_sites = true};
    shares.classes[SMALL] = (struct class_share){small_blocks, small_blocks * 48, small_pinned};
    shares.classes[LARGE] = (struct class_share){1000, 5000000, 400000};
}

static const struct site_share *site_of(size_t stack)
{
    for (size_t i = 0; i < SHARES_SITES; i++) {
        if (shares.sites[i].stack == &stacks[stack]) {
            return &shares.sites[i];
        }
    }
    ck_abort_msg("no such site");
}

START_TEST(estimates_below_what_is_there_stay)
{
    begin(1000, 100000);
    add(0, SMALL, 300, 32, 50);
    add(0, LARGE, 10, 4000, 1000);
    add(1, SMALL, 300, 32, 10);
    brkm__site_parts_sum_up(&parts, &shares);
    ck_assert_uint_eq(site_of(0)->samples, 2);
    ck_assert_uint_eq(site_of(0)->block_parts, 310 * SAMPLING_BLOCK);
    ck_assert_uint_eq(site_of(0)->bytes, 300 * 32 + 10 * 4000);
    ck_assert_uint_eq(site_of(0)->pinned, 300 * 50 + 10 * 1000);
    ck_assert_uint_eq(site_of(1)->pinned, 300 * 10);
    ck_assert_uint_eq(shares.sum.rounding, 610 * 8);
}
END_TEST

START_TEST(together_they_have_no_more_than_there_is)
{
    begin(1000, 6000);
    add(0, SMALL, 3000, 32, 3);
    add(1, SMALL, 1000, 32, 3);
    add(1, LARGE, 10, 4000, 1000);
    brkm__site_parts_sum_up(&parts, &shares);
    ck_assert_uint_eq(site_of(0)->block_parts, 750 * SAMPLING_BLOCK);
    ck_assert_uint_eq(site_of(0)->bytes, 750 * 32);
    ck_assert_uint_eq(site_of(0)->pinned, 4500);
    ck_assert_uint_eq(site_of(1)->block_parts, 260 * SAMPLING_BLOCK);
    ck_assert_uint_eq(site_of(1)->pinned, 1500 + 10 * 1000);
    ck_assert_uint_eq(shares.sum.rounding, 1000 * 8 + 10 * 8);
}
END_TEST

/* The numbers of a heap of 256 TiB, which times another one are more than 64 bits. */
START_TEST(the_largest_numbers_are_right)
{
    uint64_t blocks = (uint64_t)1 << 40;
    begin(blocks / 2, blocks / 4);
    add(2, SMALL, blocks, 32, 1);
    brkm__site_parts_sum_up(&parts, &shares);
    ck_assert_uint_eq(site_of(2)->block_parts, blocks / 2 * SAMPLING_BLOCK);
    ck_assert_uint_eq(site_of(2)->pinned, blocks / 4);
}
END_TEST

START_TEST(what_finds_no_place_is_counted)
{
    static char many[SITE_PARTS + 5];
    begin(1000, 1000);
    for (size_t i = 0; i < sizeof(many); i++) {
        struct sight sight = {.size = 64, .bin = SMALL};
        struct note note = {1, &many[i], {1, 1}};
        brkm__site_parts_add(&parts, &sight, note);
    }
    ck_assert_uint_eq(parts.left_out, 5);
    brkm__site_parts_sum_up(&parts, &shares);
    ck_assert_uint_eq(shares.sites_left_out, 5 + SITE_PARTS - SHARES_SITES);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("site_parts");
    TCase *tests = tcase_create("site_parts");
    tcase_add_test(tests, estimates_below_what_is_there_stay);
    tcase_add_test(tests, together_they_have_no_more_than_there_is);
    tcase_add_test(tests, the_largest_numbers_are_right);
    tcase_add_test(tests, what_finds_no_place_is_counted);
    suite_add_tcase(suite, tests);
    return suite;
}
