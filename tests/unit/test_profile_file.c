/* SPDX-License-Identifier: MIT
 * The heap profile as a file: its text to the letter, its name, and what can go wrong. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kit/options.h"
#include "profile/records.h"
#include "profile/write.h"
#include "system/os.h"
#include "unit.h"

static void begin(const char *pattern)
{
    fake_os.time = 1763800000;
    fake_os.milliseconds = 1000000;
    fake_os.program = "/usr/bin/some program";
    fake_os.directory = "/home/somebody";
    ck_assert(brkm__profile_begin());
    ck_assert(brkm__profile_file_begin(pattern));
}

static void expect_path(const char *expected)
{
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), 0);
    ck_assert_str_eq(fake_os_created_path(), expected);
}

/* From the linker. */
extern const char __executable_start[], _end[];

/* This program is the only object, at the path of another whose file was removed. */
static void use_object(void)
{
    static char maps[200];
    fake_os.object = (struct os_object){
        .start = (uintptr_t)__executable_start, .end = (uintptr_t)_end, .loaded = maps};
    snprintf(maps, sizeof(maps), "%lx-%lx r-xp 00000000 fe:01 77 /usr/bin/some program (deleted)\n",
             (unsigned long)fake_os.object.start, (unsigned long)fake_os.object.end);
    fake_os.object.name = "";
    fake_os.file_path = "/proc/self/maps";
    fake_os.file_text = maps;
    fake_os.file_status = (struct os_file_status){
        .inode = 77, .size = 4711, .changed = 1763000000, .changed_nanos = 500};
}

/* ---- Text ---- */

START_TEST(the_text_is_as_documented)
{
    begin("/tmp/x");
    fake_os.milliseconds += 12045;
    use_object();
    /* Half a block counts as one, less as none. */
    ck_assert(brkm__profile_add((void *)16, (struct sample_weight){1024, SAMPLING_BLOCK / 2}));
    brkm__profile_remove((void *)16);
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_AT_EXIT, NULL), 0);
    char head[1000];
    snprintf(head, sizeof(head),
             "brkmalloc heap profile 2\npid %d\nprogram /usr/bin/some program\ninterval 524288\n"
             "started 1763800000\nseconds 12.045\nreason exit\nsample 0 0 1 1024 1 1024 0x",
             brkm__os_process_id());
    const char *text = fake_os_created_text();
    ck_assert_msg(strncmp(text, head, strlen(head)) == 0, "%s", text);
    text = strstr(text, "\nobjects\n");
    ck_assert_ptr_nonnull(text);
    int before = 0, behind = 0;
    unsigned long start, stop;
    ck_assert_int_eq(sscanf(text,
                            "\nobjects\n1 %lx-%lx %n%*x fe:1 77 4711 1763000000.000000500"
                            " 12.045 12.045 %*s%n",
                            &start, &stop, &before, &behind),
                     2);
    ck_assert_uint_eq(start, fake_os.object.start);
    ck_assert_uint_eq(stop, fake_os.object.end);
    ck_assert_int_gt(behind, before);
    ck_assert_str_eq(text + behind, " /usr/bin/some program\nend\n");
}
END_TEST

START_TEST(each_address_of_a_stack_is_there)
{
    begin("/tmp/x");
    ck_assert(brkm__profile_add((void *)16, (struct sample_weight){10, SAMPLING_BLOCK}));
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), 0);
    const struct profile_stack *stack = brkm__profile_read();
    brkm__profile_read_end();
    char line[PROFILE_FRAMES_MAX * 20 + 100];
    size_t length = (size_t)sprintf(line, "\nsample 1 10 1 10 1 10");
    ck_assert_uint_gt(stack->depth, 1);
    for (size_t i = 0; i < stack->depth; i++) {
        length += (size_t)sprintf(line + length, " %p", stack->frames[i]);
        ck_assert_uint_eq(profile_stack_objects(stack)[i], 0);
    }
    sprintf(line + length, "\nobjects\n");
    ck_assert_ptr_nonnull(strstr(fake_os_created_text(), line));
}
END_TEST

START_TEST(reasons_have_words)
{
    static const char *const lines[] = {"\nreason exit\n", "\nreason peak\n", "\nreason request\n",
                                        "\nreason signal\n"};
    begin("/tmp/%n");
    for (int reason = 0; reason < 4; reason++) {
        ck_assert_int_eq(brkm__profile_file_write((enum profile_reason)reason, NULL), 0);
        ck_assert_ptr_nonnull(strstr(fake_os_created_text(), lines[reason]));
    }
}
END_TEST

START_TEST(without_the_peak_its_numbers_are_zero)
{
    begin("/tmp/x");
    ck_assert(brkm__option_set(OPTION_profile_peak, 0));
    ck_assert(brkm__profile_add((void *)16, (struct sample_weight){10, SAMPLING_BLOCK}));
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), 0);
    ck_assert_ptr_nonnull(strstr(fake_os_created_text(), "\nsample 1 10 1 10 0 0 0x"));
}
END_TEST

START_TEST(no_line_is_longer_than_4096_bytes)
{
    static char maps[10000];
    static char program[10000];
    memset(program, 'p', sizeof(program) - 1);
    program[10] = '\n'; /* which would be a line of its own */
    fake_os.program = program;
    ck_assert(brkm__profile_begin());
    ck_assert(brkm__profile_file_begin("/tmp/x"));
    use_object();
    int length = snprintf(maps, sizeof(maps), "%lx-%lx r-xp 00000000 fe:01 77 /",
                          (unsigned long)fake_os.object.start, (unsigned long)fake_os.object.end);
    memset(maps + length, 'm', sizeof(maps) - (size_t)length - 1);
    maps[9000] = '\n';
    fake_os.file_text = maps;
    ck_assert(brkm__profile_add((void *)16, (struct sample_weight){10, SAMPLING_BLOCK}));
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), 0);
    size_t lines = 0;
    for (const char *line = fake_os_created_text(); *line != '\0';) {
        const char *end = strchr(line, '\n');
        ck_assert_ptr_nonnull(end);
        ck_assert_int_le(end + 1 - line, 4096);
        line = end + 1;
        lines++;
    }
    ck_assert_uint_eq(lines, 11);
}
END_TEST

/* ---- Names ---- */

START_TEST(names_are_made_of_the_pattern)
{
    char expected[200];
    begin("/var/%e-%p-%n%%%x%");
    snprintf(expected, sizeof(expected), "/var/some program-%d-1%%%%x%%", brkm__os_process_id());
    expect_path(expected);
}
END_TEST

START_TEST(a_relative_name_counts_from_where_the_program_began)
{
    begin("heaps/%n");
    fake_os.directory = "/";
    expect_path("/home/somebody/heaps/1");
    ck_assert(brkm__profile_file_begin("x"));
    expect_path("/x");
    fake_os.directory = NULL;
    ck_assert(brkm__profile_file_begin("y"));
    expect_path("y");
}
END_TEST

START_TEST(the_standard_name_has_process_and_number)
{
    char expected[200];
    begin(NULL);
    for (int number = 1; number < 3; number++) {
        snprintf(expected, sizeof(expected), "/home/somebody/brkmalloc.%d.%d.heap",
                 brkm__os_process_id(), number);
        expect_path(expected);
    }
}
END_TEST

START_TEST(existing_files_are_passed_by)
{
    begin("/tmp/%n");
    fake_os.file_path = "/tmp/2";
    fake_os.file_text = "";
    expect_path("/tmp/1");
    expect_path("/tmp/3");
}
END_TEST

START_TEST(nothing_is_overwritten)
{
    begin("/tmp/x");
    expect_path("/tmp/x");
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), EEXIST);
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, "/tmp/x"), EEXIST);
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, "/tmp/%p"), 0);
    ck_assert_str_eq(fake_os_created_path(), "/tmp/%p");
}
END_TEST

START_TEST(names_that_are_too_long_are_told)
{
    static char pattern[5000];
    memset(pattern, 'x', sizeof(pattern) - 1);
    pattern[0] = '/';
    begin(NULL);
    ck_assert(!brkm__profile_file_begin(pattern));
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, pattern), ENAMETOOLONG);
    pattern[4095] = '\0';
    ck_assert(brkm__profile_file_begin(pattern));
    expect_path(pattern);
    memcpy(pattern + 4093, "%p", 3);
    ck_assert(brkm__profile_file_begin(pattern));
    if (brkm__os_process_id() > 99) {
        ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), ENAMETOOLONG);
    }
}
END_TEST

/* ---- Failure ---- */

START_TEST(a_file_that_cannot_be_written_is_told_and_removed)
{
    begin("/tmp/%n");
    fake_os.create_error = EACCES;
    brkm__profile_file_report(PROFILE_AT_EXIT);
    ck_assert(unit_said("brkmalloc: the heap profile cannot be written to \"/tmp/1\": Permission "
                        "denied; BRKMALLOC_PROFILE names another file\n"));
    fake_os.create_error = 0;
    fake_os.write_error = ENOSPC;
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), ENOSPC);
    ck_assert_ptr_null(fake_os_created_path());
    fake_os.write_error = 0;
    fake_os.close_error = EDQUOT;
    ck_assert_int_eq(brkm__profile_file_write(PROFILE_REQUESTED, NULL), EDQUOT);
    ck_assert_ptr_null(fake_os_created_path());
    fake_os.close_error = 0;
    expect_path("/tmp/4");
}
END_TEST

START_TEST(a_signal_whose_file_cannot_be_written_is_told)
{
    begin("/tmp/%n");
    fake_os.create_error = EROFS;
    brkm__profile_file_on_signal(10);
    ck_assert(unit_said("brkmalloc: the heap profile cannot be written to \"/tmp/1\": Read-only "
                        "file system; BRKMALLOC_PROFILE names another file\n"));
    ck_assert_ptr_null(fake_os_created_path());
}
END_TEST

START_TEST(a_signal_inside_of_the_records_waits_for_the_next_sample)
{
    begin("/tmp/%n");
    brkm__profile_read();
    brkm__profile_file_on_signal(10);
    ck_assert_ptr_null(fake_os_created_path());
    brkm__profile_read_end();
    brkm__profile_file_if_due();
    ck_assert_str_eq(fake_os_created_path(), "/tmp/1");
    ck_assert_ptr_nonnull(strstr(fake_os_created_text(), "\nreason signal\n"));
    brkm__profile_file_if_due();
    ck_assert_str_eq(fake_os_created_path(), "/tmp/1");
    brkm__profile_file_on_signal(10);
    ck_assert_str_eq(fake_os_created_path(), "/tmp/2");
}
END_TEST

START_TEST(growth_has_files_written)
{
    ck_assert(brkm__option_set(OPTION_profile_growth, 1000));
    begin("/tmp/%n");
    static const struct {
        uintptr_t address;
        uint64_t bytes; /* 0: is freed */
        const char *path;
    } steps[] = {
        {16, 900, NULL},      {32, 200, "/tmp/1"}, {48, 900, "/tmp/1"},  {48, 0, "/tmp/1"},
        {64, 1200, "/tmp/2"}, {64, 0, "/tmp/2"},   {80, 1100, "/tmp/2"}, {96, 1100, "/tmp/3"},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].bytes != 0) {
            brkm__profile_add((void *)steps[i].address,
                              (struct sample_weight){steps[i].bytes, SAMPLING_BLOCK});
        } else {
            brkm__profile_remove((void *)steps[i].address);
        }
        brkm__profile_file_if_due();
        if (steps[i].path == NULL) {
            ck_assert_ptr_null(fake_os_created_path());
        } else {
            ck_assert_str_eq(fake_os_created_path(), steps[i].path);
        }
    }
    ck_assert_ptr_nonnull(strstr(fake_os_created_text(), "\nreason peak\n"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("profile_file");
    TCase *tests = unit_case(suite, "profile_file");
    tcase_add_test(tests, the_text_is_as_documented);
    tcase_add_test(tests, each_address_of_a_stack_is_there);
    tcase_add_test(tests, reasons_have_words);
    tcase_add_test(tests, without_the_peak_its_numbers_are_zero);
    tcase_add_test(tests, no_line_is_longer_than_4096_bytes);
    tcase_add_test(tests, names_are_made_of_the_pattern);
    tcase_add_test(tests, a_relative_name_counts_from_where_the_program_began);
    tcase_add_test(tests, the_standard_name_has_process_and_number);
    tcase_add_test(tests, existing_files_are_passed_by);
    tcase_add_test(tests, nothing_is_overwritten);
    tcase_add_test(tests, names_that_are_too_long_are_told);
    tcase_add_test(tests, a_file_that_cannot_be_written_is_told_and_removed);
    tcase_add_test(tests, a_signal_whose_file_cannot_be_written_is_told);
    tcase_add_test(tests, a_signal_inside_of_the_records_waits_for_the_next_sample);
    tcase_add_test(tests, growth_has_files_written);
    return suite;
}
