/* SPDX-License-Identifier: MIT
 * kit/options_read.h: the variable, the file and glibc's variables, good and bad. */
#include "kit/options_read.h"

#include <signal.h>
#include <string.h>

#include "kit/options.h"
#include "kit/options_tell.h"
#include "unit.h"

static void read_text(const char *text)
{
    fake_os_forget_text();
    fake_os.environment = text;
    brkm__environment_read();
}

/* As if no option had been set. */
static void forget_settings(void)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        brkm__option_set_from(option, brkm__option_rows[option].standard, NULL);
    }
}

/* True when the words of `text` were said one after the other, with blanks or a line's end between.
 */
static bool said_wrapped(const char *text)
{
    static char said[65536];
    size_t length = 0;
    for (const char *letter = fake_os_text(); *letter != '\0'; letter++) {
        bool is_blank = *letter == ' ' || *letter == '\n';
        if (!is_blank || (length > 0 && said[length - 1] != ' ')) {
            said[length++] = is_blank ? ' ' : *letter;
        }
    }
    said[length] = '\0';
    return strstr(said, text) != NULL;
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
        {"top_pad: 1", OPTION_top_pad, 1},
        {"stats_at_exit:true, top_pad:64k", OPTION_top_pad, 64 * BRKM_KIB},
        {" top_pad : 2k\t,\n stats_at_exit:false ", OPTION_top_pad, 2 * BRKM_KIB},
        {"top_pad=9k", OPTION_top_pad, 9 * BRKM_KIB},
        {"top_pad:0x10", OPTION_top_pad, 16},
        {"top_pad:0X1fK", OPTION_top_pad, 31 * BRKM_KIB},
        {"perturb:0x5a", OPTION_perturb, 0x5a},
        {"profile_signal:USR1", OPTION_profile_signal, SIGUSR1},
        {"profile_signal:SIGUSR2", OPTION_profile_signal, SIGUSR2},
        {"profile_signal:64", OPTION_profile_signal, 64},
        {"stats_at_exit:0,stats_at_exit", OPTION_stats_at_exit, 1},
        {"foreign:forward", OPTION_foreign, FOREIGN_FORWARD},
        {"foreign:ignore", OPTION_foreign, FOREIGN_IGNORE},
        {"foreign:abort", OPTION_foreign, FOREIGN_ABORT},
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
        {"top_pad", "\"true\"", "a number with an optional k, m or g"},
        {"top_pad:k", "\"k\"", "a number with an optional k, m or g"},
        {"top_pad:-1", "\"-1\"", "a number with an optional k, m or g"},
        {"top_pad:1kk", "\"1kk\"", "a number with an optional k, m or g"},
        {"top_pad:0x", "\"0x\"", "a number with an optional k, m or g"},
        {"top_pad:1 k", "\"1 k\"", "a number with an optional k, m or g"},
        {"top_pad:1:2", "\"1:2\"", "a number with an optional k, m or g"},
        {"top_pad:18446744073709551616", "616\"", "it is too large, the largest is 1g\n"},
        {"top_pad:99999999999999999999999", "999\"", "it is too large, the largest is 1g\n"},
        {"top_pad:99999999999999999999x", "99x\"", "a number with an optional k, m or g"},
        {"top_pad:18014398509481984k", "984k\"", "it is too large, the largest is 1g\n"},
        {"top_pad:1073741825", "\"1073741825\"", "it is too large, the largest is 1g\n"},
        {"limit_hard:99999999999g", "999g\"", "the largest is 9223372036854775807\n"},
        {"profile_signal:65", "\"65\"", "it is too large, the largest is 64\n"},
        {"profile_signal:USR3", "\"USR3\"", "the number or the name of a signal, such as USR1\n"},
        {"profile_signal:SIG", "\"SIG\"", "the number or the name of a signal, such as USR1\n"},
        {"stats_at_exit:yes", "\"yes\"", "it takes true or false"},
        {"stats_at_exit:2", "\"2\"", "it takes true or false"},
        {"stats_at_exit:", "\"\"", "it takes true or false"},
        {"mapped_threshold:33m", "\"33m\"", "it is too large, the largest is 32m\n"},
        {"perturb:256", "\"256\"", "it is too large, the largest is 255\n"},
        {"perturb:1k", "\"1k\"", "it takes a number\n"},
        {"thp:sometimes", "\"sometimes\"", "it takes default, never or always\n"},
        {"thp:neve", "\"neve\"", "it takes default, never or always\n"},
        {"thp:1", "\"1\"", "it takes default, never or always\n"},
        {"thp:", "\"\"", "it takes default, never or always\n"},
        {"foreign:forwards", "\"forwards\"", "it takes abort, ignore or forward\n"},
        {"foreign:1", "\"1\"", "it takes abort, ignore or forward\n"},
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

START_TEST(an_unknown_key_is_named_with_the_nearest)
{
    read_text("top_pads:1,top_pad:2,TRIM-THRESHOLD:3");
    ck_assert_str_eq(fake_os_text(),
                     "brkmalloc: BRKMALLOC: unknown option \"top_pads\" has no effect; the nearest "
                     "option is top_pad\n"
                     "brkmalloc: BRKMALLOC: unknown option \"TRIM-THRESHOLD\" has no effect; the "
                     "nearest option is trim_threshold\n");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 2);
}
END_TEST

START_TEST(where_no_key_is_near_all_are_listed)
{
    read_text("narenas:1,top_pad:2");
    ck_assert(unit_said("unknown option \"narenas\" has no effect; the options are:\n"));
#define IS_LISTED(name, type, standard, largest, change, secure, meaning) \
    ck_assert(unit_said(" " #name));
    BRKM_OPTIONS(IS_LISTED)
#undef IS_LISTED
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 2);
}
END_TEST

START_TEST(control_characters_are_not_repeated)
{
    read_text("a\nbrkmalloc: all is well:1,top_pad:\x1b[2J\x7f");
    ck_assert(unit_said("\"a?brkmalloc\""));
    ck_assert(unit_said("\"?[2J?\""));
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

START_TEST(a_set_user_id_program_takes_what_is_safe)
{
    static const char *const variables[] = {
        "MALLOC_TOP_PAD_", "7", "GLIBC_TUNABLES", "glibc.malloc.perturb=1", "BRKMALLOC_CONF",
        "/file",           NULL};
    fake_os.secure_mode = true;
    fake_os.variables = variables;
    fake_os.file_path = "/file";
    fake_os.file_text = "limit_soft:1\n";
    read_text("top_pad:1,nonsense,stats_at_exit:true,limit_hard:1,perturb:2,trim_threshold:x");
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), BRKM_TRIM_THRESHOLD_DEFAULT);
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        if (brkm__option_rows[option].security == OPTION_UNSAFE) {
            ck_assert(!brkm__option_is_set(option));
        }
    }
}
END_TEST

/* ---- The file ---- */

static void read_file_text(const char *text)
{
    static const char *const variables[] = {"BRKMALLOC_CONF", "/etc/file", NULL};
    fake_os_forget_text();
    fake_os.variables = variables;
    fake_os.file_path = "/etc/file";
    fake_os.file_text = text;
    brkm__environment_read();
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
}

START_TEST(a_file_holds_lines_blanks_and_comments)
{
    read_file_text("# a comment, top_pad:9\n"
                   "\n"
                   "  top_pad : 5k  # behind it\r\n"
                   "trim_threshold:1m, mapped_count_max: 3 ,\n"
                   "\tlimit_soft:7m");
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 5 * BRKM_KIB);
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), BRKM_MIB);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), 3);
    ck_assert_uint_eq(brkm__option_get(OPTION_limit_soft), 7 * BRKM_MIB);
    ck_assert_str_eq(brkm__option_source(OPTION_top_pad), "BRKMALLOC_CONF");
}
END_TEST

START_TEST(the_variable_counts_more_than_the_file)
{
    fake_os.environment = "top_pad:1";
    read_file_text("top_pad:2\ntrim_threshold:3\n");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 1);
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), 3);
}
END_TEST

START_TEST(mistakes_in_a_file_are_named)
{
    read_file_text("top_pads:1\ntop_pad:much\ntrim_threshold:4\n");
    ck_assert_str_eq(
        fake_os_text(),
        "brkmalloc: /etc/file:1: unknown option \"top_pads\" has no effect; the nearest "
        "option is top_pad\n"
        "brkmalloc: /etc/file:2: top_pad \"much\" has no effect; it takes a number "
        "with an optional k, m or g\n");
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), 4);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_or_is_too_large_has_no_effect)
{
    static const char *const variables[] = {"BRKMALLOC_CONF", "/no/file", NULL};
    static char text[64 * 1024 + 1];
    fake_os.variables = variables;
    brkm__environment_read();
    ck_assert_str_eq(fake_os_text(), "brkmalloc: BRKMALLOC_CONF: the file \"/no/file\" has no "
                                     "effect; it cannot be read\n");
    memset(text, '\n', sizeof(text) - 1);
    memcpy(text, "top_pad:1", 9);
    read_file_text(text);
    ck_assert(unit_said("\"/etc/file\" has no effect; it is larger than 64 KiB\n"));
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), BRKM_TOP_PAD_DEFAULT);
}
END_TEST

/* ---- glibc's variables ---- */

static void read_variables(const char *const *variables)
{
    fake_os_forget_text();
    fake_os.variables = variables;
    brkm__environment_read();
}

START_TEST(glibc_s_variables_set_what_they_mean)
{
    static const char *const variables[] = {"MALLOC_TRIM_THRESHOLD_",
                                            "0x1000",
                                            "MALLOC_TOP_PAD_",
                                            "010",
                                            "MALLOC_MMAP_THRESHOLD_",
                                            "20000",
                                            "MALLOC_MMAP_MAX_",
                                            "0",
                                            "MALLOC_PERTURB_",
                                            "255",
                                            "MALLOC_ARENA_MAX",
                                            "1",
                                            "MALLOC_CHECK_",
                                            "3",
                                            NULL};
    read_variables(variables);
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), 0x1000);
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 8);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_threshold), 20000);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), 0);
    ck_assert_uint_eq(brkm__option_get(OPTION_perturb), 255);
    ck_assert_str_eq(brkm__option_source(OPTION_top_pad), "MALLOC_TOP_PAD_");
}
END_TEST

START_TEST(glibc_s_tunables_count_more_than_its_variables)
{
    static const char *const variables[] = {
        "MALLOC_TOP_PAD_", "1", "GLIBC_TUNABLES",
        "glibc.cpu.hwcaps=x:glibc.malloc.top_pad=2:glibc.malloc.tcache_count=0:"
        "glibc.malloc.mmap_max=5::glibc.malloc.trim_threshold=-1:glibc.malloc.hugetlb=1",
        NULL};
    read_variables(variables);
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 2);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), 5);
    ck_assert_uint_eq(brkm__option_get(OPTION_trim_threshold), PTRDIFF_MAX);
    ck_assert_uint_eq(brkm__option_get(OPTION_thp), THP_ALWAYS);
}
END_TEST

START_TEST(a_bad_number_for_glibc_is_named)
{
    static const char *const variables[] = {"MALLOC_TOP_PAD_",
                                            "1k",
                                            "MALLOC_MMAP_THRESHOLD_",
                                            "0x",
                                            "GLIBC_TUNABLES",
                                            "glibc.malloc.perturb=256:glibc.malloc.mmap_max=7:"
                                            "glibc.malloc.hugetlb=2",
                                            NULL};
    read_variables(variables);
    ck_assert(unit_said("brkmalloc: MALLOC_TOP_PAD_: glibc.malloc.top_pad \"1k\" has no effect; it "
                        "takes a number\n"));
    ck_assert(unit_said("brkmalloc: MALLOC_MMAP_THRESHOLD_: glibc.malloc.mmap_threshold \"0x\""));
    ck_assert(unit_said("brkmalloc: GLIBC_TUNABLES: glibc.malloc.perturb \"256\" has no effect; it "
                        "is too large, the largest is 255\n"));
    ck_assert(unit_said("glibc.malloc.hugetlb \"2\" has no effect; it is too large, the largest is "
                        "always\n"));
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), 7);
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), BRKM_TOP_PAD_DEFAULT);
    ck_assert_uint_eq(brkm__option_get(OPTION_perturb), 0);
}
END_TEST

START_TEST(an_empty_value_for_glibc_is_none)
{
    static const char *const variables[] = {"MALLOC_TRIM_THRESHOLD_",
                                            "",
                                            "MALLOC_TOP_PAD_",
                                            "4096",
                                            "MALLOC_MMAP_THRESHOLD_",
                                            "",
                                            "MALLOC_MMAP_MAX_",
                                            "",
                                            "MALLOC_PERTURB_",
                                            "",
                                            "GLIBC_TUNABLES",
                                            "glibc.malloc.top_pad=:glibc.malloc.perturb:"
                                            "glibc.malloc.mmap_max=9",
                                            NULL};
    read_variables(variables);
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert_ptr_null(brkm__option_source(OPTION_trim_threshold));
    ck_assert_ptr_null(brkm__option_source(OPTION_mapped_threshold));
    ck_assert_ptr_null(brkm__option_source(OPTION_perturb));
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 4096);
    ck_assert_uint_eq(brkm__option_get(OPTION_mapped_count_max), 9);
}
END_TEST

START_TEST(confirm_names_every_option_its_value_and_its_source)
{
    read_text("top_pad:4k,stats_at_exit:true,thp:never");
    brkm__option_set(OPTION_confirm, 1);
    brkm__options_tell();
    ck_assert(unit_said("brkmalloc: option thp:never (BRKMALLOC)\n"));
    ck_assert(unit_said("brkmalloc: option top_pad:4096 (BRKMALLOC)\n"));
    ck_assert(unit_said("brkmalloc: option stats_at_exit:true (BRKMALLOC)\n"));
    ck_assert(unit_said("brkmalloc: option limit_hard:0 (default)\n"));
#define IS_CONFIRMED(name, type, standard, largest, change, secure, meaning) \
    ck_assert(unit_said("brkmalloc: option " #name ":"));
    BRKM_OPTIONS(IS_CONFIRMED)
#undef IS_CONFIRMED
}
END_TEST

START_TEST(help_explains_every_option)
{
    read_text("top_pad:4k,stats_at_exit:true,help");
    fake_os_forget_text();
    brkm__options_tell();
    ck_assert(
        unit_said("  top_pad:4k                  size up to 1g; default 128k, set by BRKMALLOC\n"
                  "      bytes kept free when the end is given back\n"));
    ck_assert(unit_said("  stats_at_exit:true          flag; default false, set by BRKMALLOC\n"));
    ck_assert(unit_said("  thp:default                 one of default never always; default "
                        "default\n"));
    ck_assert(unit_said("  limit_hard:0                size; default 0\n"));
#define IS_EXPLAINED(name, type, standard, largest, change, secure, meaning) \
    ck_assert(unit_said("\n  " #name ":"));                                  \
    ck_assert(said_wrapped(meaning));
    BRKM_OPTIONS(IS_EXPLAINED)
#undef IS_EXPLAINED
}
END_TEST

START_TEST(an_option_without_the_one_that_it_needs_is_named)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"stats_json:true",
         "stats_json \"true\" has no effect; it counts only with stats_at_exit:true\n"},
        {"guard_sample_slots:9",
         "guard_sample_slots \"9\" has no effect; it counts only with guard_sample:NUMBER\n"},
        {"profile_interval:1k", "profile_interval \"1024\" has no effect; it counts only with "
                                "profile:true, or where the program starts the profile\n"},
        {"profile_signal:9",
         "profile_signal \"9\" has no effect; it counts only with profile:true"},
        {"profile_growth:1m,profile:false", "profile_growth \"1048576\" has no effect; it counts"},
        {"profile_peak", "profile_peak \"true\" has no effect; it counts only with profile:true"},
        {"profile:true,profile_leaks_exit_status:3",
         "profile_leaks_exit_status \"3\" has no effect; it counts only with profile_leaks:true\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        forget_settings();
        read_text(cases[i].text);
        ck_assert_str_eq(fake_os_text(), "");
        brkm__options_tell();
        ck_assert_msg(
            strncmp(fake_os_text(), "brkmalloc: BRKMALLOC: ", 22) == 0 &&
                strncmp(fake_os_text() + 22, cases[i].message, strlen(cases[i].message)) == 0,
            "%s: %s", cases[i].text, fake_os_text());
        ck_assert_ptr_eq(strchr(fake_os_text(), '\n') + 1, strchr(fake_os_text(), '\0'));
    }
}
END_TEST

START_TEST(an_option_with_the_one_that_it_needs_counts)
{
    static const char *const texts[] = {
        "stats_json:true,stats_at_exit:true",
        "stats_json:false,profile_signal:0,profile_at_exit:false",
        "guard_sample_slots:9,guard_sample:1",
        "profile:true,profile_interval:1,profile_signal:USR1,profile_growth:1m",
        "profile_leaks:true,profile_leaks_exit_status:3,profile_interval:1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        forget_settings();
        read_text(texts[i]);
        brkm__options_tell();
        ck_assert_str_eq(fake_os_text(), "");
    }
}
END_TEST

START_TEST(what_lacks_another_in_a_file_is_named_with_its_line)
{
    read_file_text("top_pad:1\n\nprofile_interval:1 # each\n");
    brkm__options_tell();
    ck_assert_msg(unit_said("brkmalloc: /etc/file:3: profile_interval \"1\" has no effect; "), "%s",
                  fake_os_text());
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("environment");
    TCase *variable = unit_case(suite, "variable");
    tcase_add_test(variable, without_the_variable_the_defaults_hold);
    tcase_add_test(variable, flags_and_sizes_are_read);
    tcase_add_test(variable, several_options_stand_in_one_variable);
    tcase_add_test(variable, a_bad_value_is_named_and_has_no_effect);
    tcase_add_test(variable, an_unknown_key_is_named_with_the_nearest);
    tcase_add_test(variable, where_no_key_is_near_all_are_listed);
    tcase_add_test(variable, control_characters_are_not_repeated);
    tcase_add_test(variable, a_very_long_key_is_cut);
    tcase_add_test(variable, a_set_user_id_program_takes_what_is_safe);
    tcase_add_test(variable, confirm_names_every_option_its_value_and_its_source);
    tcase_add_test(variable, help_explains_every_option);
    tcase_add_test(variable, an_option_without_the_one_that_it_needs_is_named);
    tcase_add_test(variable, an_option_with_the_one_that_it_needs_counts);
    TCase *file = unit_case(suite, "file");
    tcase_add_test(file, what_lacks_another_in_a_file_is_named_with_its_line);
    tcase_add_test(file, a_file_holds_lines_blanks_and_comments);
    tcase_add_test(file, the_variable_counts_more_than_the_file);
    tcase_add_test(file, mistakes_in_a_file_are_named);
    tcase_add_test(file, a_file_that_cannot_be_read_or_is_too_large_has_no_effect);
    TCase *glibc = unit_case(suite, "glibc");
    tcase_add_test(glibc, glibc_s_variables_set_what_they_mean);
    tcase_add_test(glibc, glibc_s_tunables_count_more_than_its_variables);
    tcase_add_test(glibc, a_bad_number_for_glibc_is_named);
    tcase_add_test(glibc, an_empty_value_for_glibc_is_none);
    return suite;
}
