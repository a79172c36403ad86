/* SPDX-License-Identifier: MIT
 * options.h: values, bounds, and the environment variable, good and bad. */
#include "options.h"

#include <string.h>

#include "unit.h"

static void read_text(const char *text)
{
    fake_os_forget_text();
    fake_os.environment = text;
    brkm__options_read_environment();
}

START_TEST(without_the_variable_the_defaults_hold)
{
    read_text(NULL);
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert_uint_eq(brkm__option_get(OPTION_stats_at_exit), 0);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), BRKM_MAPPED_THRESHOLD_DEFAULT);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), BRKM_MAPPED_COUNT_MAX);
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), BRKM_TRIM_THRESHOLD_DEFAULT);
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), BRKM_TOP_PAD_DEFAULT);
    read_text("");
    read_text(",,,");
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(flags_and_sizes_are_read)
{
    static const struct {
        const char *text;
        enum option option;
        size_t value;
    } cases[] = {
        {"stats_at_exit:true", OPTION_stats_at_exit, 1},
        {"stats_at_exit:false", OPTION_stats_at_exit, 0},
        {"stats_at_exit:1", OPTION_stats_at_exit, 1},
        {"stats_at_exit:0", OPTION_stats_at_exit, 0},
        {"top_pad:0", OPTION_top_pad, 0},
        {"top_pad:12345", OPTION_top_pad, 12345},
        {"top_pad:7k", OPTION_top_pad, 7 * BRKM_KIB},
        {"top_pad:7K", OPTION_top_pad, 7 * BRKM_KIB},
        {"top_pad:3m", OPTION_top_pad, 3 * BRKM_MIB},
        {"top_pad:3M", OPTION_top_pad, 3 * BRKM_MIB},
        {"top_pad:1g", OPTION_top_pad, BRKM_GIB},
        {"trim_threshold:5G", OPTION_trim_threshold, 5 * BRKM_GIB},
        {"trim_threshold:9223372036854775807", OPTION_trim_threshold, PTRDIFF_MAX},
        {"top_pad:1,top_pad:2", OPTION_top_pad, 2},
        {",top_pad:3,,", OPTION_top_pad, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_text(cases[i].text);
        ck_assert_str_eq(fake_os_text(), "");
        ck_assert_uint_eq(brkm__option_get(cases[i].option), cases[i].value);
    }
}
END_TEST

START_TEST(several_options_stand_in_one_variable)
{
    read_text("mapped_threshold:1m,mapped_count_max:10,stats_at_exit:true,top_pad:4k");
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), BRKM_MIB);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), 10);
    ck_assert_uint_eq(brkm__option_get(OPTION_stats_at_exit), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 4096);
}
END_TEST

START_TEST(a_bad_value_is_named_and_has_no_effect)
{
    static const struct {
        const char *text, *value, *remedy;
    } cases[] = {
        {"top_pad:", "\"\"", "a number with an optional k, m or g"},
        {"top_pad", "\"\"", "a number with an optional k, m or g"},
        {"top_pad:k", "\"k\"", "a number with an optional k, m or g"},
        {"top_pad:-1", "\"-1\"", "a number with an optional k, m or g"},
        {"top_pad:1kk", "\"1kk\"", "a number with an optional k, m or g"},
        {"top_pad:0x10", "\"0x10\"", "a number with an optional k, m or g"},
        {"top_pad:1:2", "\"1:2\"", "a number with an optional k, m or g"},
        {"top_pad: 1", "\" 1\"", "a number with an optional k, m or g"},
        {"top_pad:18446744073709551616", "616\"", "a number with an optional k, m or g"},
        {"top_pad:99999999999999999999999", "999\"", "a number with an optional k, m or g"},
        {"top_pad:18014398509481984k", "984k\"", "a number with an optional k, m or g"},
        {"top_pad:1073741825", "\"1073741825\"", "it is too large"},
        {"stats_at_exit:yes", "\"yes\"", "it takes true or false"},
        {"stats_at_exit:2", "\"2\"", "it takes true or false"},
        {"stats_at_exit", "\"\"", "it takes true or false"},
        {"mapped_threshold:33m", "\"33m\"", "it is too large"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_text(cases[i].text);
        ck_assert_msg(unit_said(cases[i].value), "%s: %s", cases[i].text, fake_os_text());
        ck_assert_msg(unit_said(cases[i].remedy), "%s: %s", cases[i].text, fake_os_text());
        ck_assert(strncmp(fake_os_text(), "brkmalloc: BRKMALLOC: ", 22) == 0);
        ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), BRKM_TOP_PAD_DEFAULT);
        ck_assert_uint_eq(brkm__option_get(OPTION_stats_at_exit), 0);
        ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), BRKM_MAPPED_THRESHOLD_DEFAULT);
    }
}
END_TEST

START_TEST(an_unknown_key_is_named_and_the_known_ones_listed)
{
    read_text("top_pads:1,top_pad:2,TOP_PAD:3");
    ck_assert(unit_said("unknown option \"top_pads\" has no effect; the options are:\n"));
    ck_assert(unit_said("unknown option \"TOP_PAD\""));
#define IS_LISTED(name, type, standard, largest, meaning) ck_assert(unit_said(" " #name));
    BRKM_OPTIONS(IS_LISTED)
#undef IS_LISTED
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 2);
}
END_TEST

START_TEST(a_very_long_key_is_cut)
{
    static char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    read_text(text);
    ck_assert(unit_said("unknown option \"xxx"));
    ck_assert_uint_lt(strlen(fake_os_text()), 1000);
}
END_TEST

START_TEST(a_set_user_id_program_reads_nothing)
{
    fake_os.secure_mode = true;
    read_text("top_pad:1,nonsense");
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), BRKM_TOP_PAD_DEFAULT);
}
END_TEST

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
 * M_MMAP_MAX -4. */
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
    ck_assert_int_eq(brkm_mallopt(-77, 5), 1);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *environment = unit_case(suite, "environment");
    tcase_add_test(environment, without_the_variable_the_defaults_hold);
    tcase_add_test(environment, flags_and_sizes_are_read);
    tcase_add_test(environment, several_options_stand_in_one_variable);
    tcase_add_test(environment, a_bad_value_is_named_and_has_no_effect);
    tcase_add_test(environment, an_unknown_key_is_named_and_the_known_ones_listed);
    tcase_add_test(environment, a_very_long_key_is_cut);
    tcase_add_test(environment, a_set_user_id_program_reads_nothing);
    TCase *values = unit_case(suite, "values");
    tcase_add_test(values, set_refuses_what_is_out_of_range);
    tcase_add_test(values, a_rise_stops_when_the_user_has_spoken);
    tcase_add_test(values, mallopt_sets_what_glibc_s_numbers_mean);
    return suite;
}
