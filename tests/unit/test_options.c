/* SPDX-License-Identifier: MIT
 * options.h: names, values and bounds; process/options_apply.c: the program sets them. */
#include "kit/options.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

START_TEST(set_refuses_what_is_out_of_range)
{
    ck_assert(brkm__option_set(OPTION_mapped_threshold, BRKM_MAPPED_THRESHOLD_MAX));
    ck_assert(!brkm__option_set(OPTION_mapped_threshold, BRKM_MAPPED_THRESHOLD_MAX + 1));
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), BRKM_MAPPED_THRESHOLD_MAX);
    ck_assert(!brkm__option_set(OPTION_stats_at_exit, 2));
}
END_TEST

START_TEST(a_rise_stops_when_the_user_has_spoken)
{
    brkm__option_raise(OPTION_mapped_threshold, BRKM_MIB);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), BRKM_MIB);
    brkm__option_raise(OPTION_mapped_threshold, BRKM_KIB);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), BRKM_MIB);
    ck_assert(brkm__option_set(OPTION_mapped_threshold, 5));
    brkm__option_raise(OPTION_mapped_threshold, BRKM_MIB);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), 5);
}
END_TEST

/* glibc's numbers: M_MXFAST 1, M_TRIM_THRESHOLD -1, M_TOP_PAD -2, M_MMAP_THRESHOLD -3,
 * M_MMAP_MAX -4, M_PERTURB -6. */
START_TEST(mallopt_sets_what_glibc_s_numbers_mean)
{
    ck_assert_int_eq(brkm_mallopt(-1, 1000), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), 1000);
    ck_assert_int_eq(brkm_mallopt(-1, -1), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), PTRDIFF_MAX);
    ck_assert_int_eq(brkm_mallopt(-2, 1001), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 1001);
    ck_assert_int_eq(brkm_mallopt(-3, 1002), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), 1002);
    ck_assert_int_eq(brkm_mallopt(-4, 0), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), 0);
    ck_assert_int_eq(brkm_mallopt(-3, (int)BRKM_MAPPED_THRESHOLD_MAX + 1), 0);
    ck_assert_int_eq(brkm_mallopt(-3, -1), 0);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), 1002);
    ck_assert_int_eq(brkm_mallopt(1, 160), 1);
    ck_assert_int_eq(brkm_mallopt(1, 161), 0);
    ck_assert_int_eq(brkm_mallopt(1, -1), 0);
    ck_assert_int_eq(brkm_mallopt(-6, 0x15a), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_perturb), 0x5a);
    ck_assert_int_eq(brkm_mallopt(-77, 5), 1);
}
END_TEST

START_TEST(a_source_is_remembered)
{
    ck_assert_ptr_null(brkm__option_source(OPTION_top_pad));
    ck_assert(!brkm__option_is_set(OPTION_top_pad));
    ck_assert(brkm__option_set_from(OPTION_top_pad, 1, "somewhere"));
    ck_assert_str_eq(brkm__option_source(OPTION_top_pad), "somewhere");
    ck_assert(!brkm__option_set_from(OPTION_top_pad, SIZE_MAX, "elsewhere"));
    ck_assert_str_eq(brkm__option_source(OPTION_top_pad), "somewhere");
    ck_assert(brkm__option_set(OPTION_top_pad, 2));
    ck_assert_str_eq(brkm__option_source(OPTION_top_pad), "the program");
}
END_TEST

START_TEST(options_are_set_and_read_by_name)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        const struct option_row *row = &brkm__option_rows[option];
        size_t value = 77;
        ck_assert_int_eq(brkm_option_get(row->name, &value), 0);
        ck_assert_uint_eq(value, brkm__option_get(option));
        size_t before = value;
        int expected = row->change == OPTION_ANY_TIME ? 0 : EPERM;
        ck_assert_int_eq(brkm_option_set(row->name, 1), expected);
        ck_assert_int_eq(brkm_option_get(row->name, &value), 0);
        ck_assert_uint_eq(value, expected == 0 ? 1 : before);
    }
    ck_assert_int_eq(brkm_option_set("confirm", 1), EPERM);
}
END_TEST

START_TEST(what_is_not_an_option_or_value_changes_nothing)
{
    size_t value = 77;
    ck_assert_int_eq(brkm_option_get("top_pads", &value), ENOENT);
    ck_assert_int_eq(brkm_option_get("", &value), ENOENT);
    ck_assert_uint_eq(value, 77);
    ck_assert_int_eq(brkm_option_set("top_pads", 1), ENOENT);
    ck_assert_int_eq(brkm_option_set("top_pad", BRKM_GIB + 1), EINVAL);
    ck_assert_int_eq(brkm_option_set("perturb", 256), EINVAL);
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), BRKM_TOP_PAD_DEFAULT);
    ck_assert_uint_eq(brkm__option_get(OPTION_perturb), 0);
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(a_name_is_found_as_a_whole)
{
    ck_assert_int_eq(brkm__option_find("top_pad", 7), OPTION_top_pad);
    ck_assert_int_eq(brkm__option_find("top_pad:1", 7), OPTION_top_pad);
    ck_assert_int_eq(brkm__option_find("top_pad", 6), OPTION_COUNT);
    ck_assert_int_eq(brkm__option_find("top_pads", 8), OPTION_COUNT);
    ck_assert_int_eq(brkm__option_find("", 0), OPTION_COUNT);
}
END_TEST

START_TEST(the_nearest_name_is_one_with_few_mistakes)
{
    static const struct {
        const char *wrong, *right;
    } cases[] = {
        {"top_pads", "top_pad"},
        {"TOP_PAD", "top_pad"},
        {"toppad", "top_pad"},
        {"top-pad", "top_pad"},
        {"tpo_pad", "top_pad"},
        {"map_threshold", "mapped_threshold"},
        {"trim_treshold", "trim_threshold"},
        {"hard_limit_", NULL},
        {"limit_had", "limit_hard"},
        {"stats_atexit", "stats_at_exit"},
        {"pertub", "perturb"},
        {"xyz", NULL},
        {"", NULL},
        {"background_thread_of_the_other_allocator", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *nearest = brkm__option_nearest(cases[i].wrong, strlen(cases[i].wrong));
        ck_assert_msg((nearest == NULL) == (cases[i].right == NULL), "%s", cases[i].wrong);
        if (nearest != NULL) {
            ck_assert_str_eq(nearest, cases[i].right);
        }
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *names = unit_case(suite, "names");
    tcase_add_test(names, a_name_is_found_as_a_whole);
    tcase_add_test(names, the_nearest_name_is_one_with_few_mistakes);
    TCase *values = unit_case(suite, "values");
    tcase_add_test(values, set_refuses_what_is_out_of_range);
    tcase_add_test(values, a_rise_stops_when_the_user_has_spoken);
    tcase_add_test(values, a_source_is_remembered);
    tcase_add_test(values, mallopt_sets_what_glibc_s_numbers_mean);
    tcase_add_test(values, options_are_set_and_read_by_name);
    tcase_add_test(values, what_is_not_an_option_or_value_changes_nothing);
    return suite;
}
