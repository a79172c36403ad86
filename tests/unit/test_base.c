/* SPDX-License-Identifier: MIT
 * base.h: arithmetic that everything else stands on. */
#include "unit.h"

START_TEST(powers_of_two_are_told_from_the_rest)
{
    ck_assert(!is_power_of_two(0));
    for (unsigned bit = 0; bit < 64; bit++) {
        size_t power = (size_t)1 << bit;
        ck_assert(is_power_of_two(power));
        if (bit > 1) {
            ck_assert(!is_power_of_two(power - 1));
            ck_assert(!is_power_of_two(power + 1));
        }
    }
}
END_TEST

START_TEST(aligning_gives_the_nearest_multiple)
{
    for (size_t alignment = 1; alignment <= 64; alignment *= 2) {
        for (size_t value = 0; value < 300; value++) {
            size_t up = align_up(value, alignment);
            size_t down = align_down(value, alignment);
            ck_assert_uint_eq(up, (value + alignment - 1) / alignment * alignment);
            ck_assert_uint_eq(down, value / alignment * alignment);
        }
    }
    ck_assert_uint_eq(align_up(SIZE_MAX - 15, 16), SIZE_MAX - 15);
    ck_assert_uint_eq(align_down(SIZE_MAX, (size_t)1 << 63), (size_t)1 << 63);
}
END_TEST

START_TEST(the_power_above_is_the_least)
{
    ck_assert_uint_eq(power_of_two_above(0), 1);
    ck_assert_uint_eq(power_of_two_above(1), 1);
    for (size_t value = 2; value < 5000; value++) {
        size_t power = power_of_two_above(value);
        ck_assert(is_power_of_two(power));
        ck_assert_uint_ge(power, value);
        ck_assert_uint_lt(power / 2, value);
    }
    size_t largest = (size_t)1 << 63;
    ck_assert_uint_eq(power_of_two_above(largest - 1), largest);
    ck_assert_uint_eq(power_of_two_above(largest), largest);
    ck_assert_uint_eq(power_of_two_above(largest + 1), 0);
    ck_assert_uint_eq(power_of_two_above(SIZE_MAX), 0);
}
END_TEST

START_TEST(the_logarithm_is_rounded_down)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        size_t power = (size_t)1 << bit;
        ck_assert_uint_eq(log2_floor(power), bit);
        ck_assert_uint_eq(log2_floor(power + (power - 1)), bit);
    }
}
END_TEST

START_TEST(lesser_and_greater)
{
    ck_assert_uint_eq(min_size(3, 7), 3);
    ck_assert_uint_eq(min_size(7, 3), 3);
    ck_assert_uint_eq(max_size(3, SIZE_MAX), SIZE_MAX);
    ck_assert_uint_eq(max_size(SIZE_MAX, 3), SIZE_MAX);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("base");
    TCase *tests = unit_case(suite, "arithmetic");
    tcase_add_test(tests, powers_of_two_are_told_from_the_rest);
    tcase_add_test(tests, aligning_gives_the_nearest_multiple);
    tcase_add_test(tests, the_power_above_is_the_least);
    tcase_add_test(tests, the_logarithm_is_rounded_down);
    tcase_add_test(tests, lesser_and_greater);
    return suite;
}
