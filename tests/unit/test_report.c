/* SPDX-License-Identifier: MIT
 * report.h: every word that the user reads, and the lines that are cut. */
#include "kit/report.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static const struct {
    enum fault fault;
    const char *words;
} faults[] = {
    {FAULT_DOUBLE_FREE, "double free"},
    {FAULT_INVALID_POINTER, "invalid pointer, not the start of a block in use"},
    {FAULT_USE_AFTER_FREE, "use of a freed block"},
    {FAULT_HEADER_OVERWRITTEN, "header overwritten"},
    {FAULT_OVERFLOW, "write past the end, next header overwritten"},
    {FAULT_FREE_LIST_OVERWRITTEN, "write after free, links of a free block overwritten"},
    {FAULT_BOUNDARY_TAG_OVERWRITTEN, "write after free, boundary tag of a free block overwritten"},
    {FAULT_SIZE_MISMATCH, "freed with a wrong size"},
    {FAULT_BREAK_TAKEN, "the program's own brk or sbrk took away memory of the heap"},
    {FAULT_ASSERTION, "internal error, assertion failed"},
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static struct fault_place place;

static void end_program(void *fault)
{
    brkm__fatal(*(const enum fault *)fault, place);
}

START_TEST(each_fault_says_what_where_and_in_which_call)
{
    enum fault fault = faults[_i].fault;
    char expected[BRKM_REPORT_LINE];
    place = (struct fault_place){(void *)0x12ab, 48, "free"};
    fake_os.program = "/bin/faulty";
    ck_assert(!brkm__fatal_has_begun());
    ck_assert(fake_os_dies(end_program, &fault));
    ck_assert(brkm__fatal_has_begun());
    snprintf(expected, sizeof(expected),
             "brkmalloc: %s at 0x12ab (block of 48 bytes, called from free)\n", faults[_i].words);
    size_t length = strlen(expected);
    ck_assert_msg(strncmp(fake_os_text(), expected, length) == 0, "%s", fake_os_text());
    /* And where. */
    const char *rest = fake_os_text() + length;
    const char *where = "brkmalloc:   process 4242\nbrkmalloc:   program /bin/faulty\n"
                        "brkmalloc:   found by thread 4242";
    ck_assert_msg(strncmp(rest, where, strlen(where)) == 0, "%s", rest);
}
END_TEST

START_TEST(an_unknown_size_is_left_out)
{
    enum fault fault = FAULT_DOUBLE_FREE;
    place = (struct fault_place){(void *)UINTPTR_MAX, 0, "realloc"};
    ck_assert(fake_os_dies(end_program, &fault));
    ck_assert(unit_said("brkmalloc: double free at 0xffffffffffffffff (called from realloc)\n"));
    ck_assert(unit_said("\nbrkmalloc:   program ?\n"));
}
END_TEST

static void fail_assertion(void *unused)
{
    (void)unused;
    brkm__assertion_failed("I9: a reason", "file.c", 77);
}

START_TEST(a_failed_assertion_says_which)
{
    ck_assert(fake_os_dies(fail_assertion, NULL));
    ck_assert(unit_said("brkmalloc: file.c:77: I9: a reason\n"));
    ck_assert(unit_said("brkmalloc: internal error, assertion failed at 0x0"));
}
END_TEST

START_TEST(numbers_and_pointers_of_every_length)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        {0, "0 0x0\n"},
        {9, "9 0x9\n"},
        {10, "10 0xa\n"},
        {4096, "4096 0x1000\n"},
        {UINT64_MAX, "18446744073709551615 0xffffffffffffffff\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line line = {0};
        fake_os_forget_text();
        brkm__line_add_number(&line, cases[i].value);
        brkm__line_add_text(&line, " ");
        brkm__line_add_pointer(&line, (void *)(uintptr_t)cases[i].value);
        brkm__line_write(&line);
        ck_assert_str_eq(fake_os_text(), cases[i].text);
        ck_assert_uint_eq(line.length, 0);
    }
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut_and_ended)
{
    for (size_t step = 2; step <= 300; step += 23) {
        struct line line = {0};
        char piece[301];
        fake_os_forget_text();
        memset(piece, 'p', sizeof(piece));
        for (size_t i = 0; i < BRKM_REPORT_LINE; i++) {
            brkm__line_add_span(&line, piece, step);
        }
        brkm__line_add_number(&line, UINT64_MAX);
        brkm__line_write(&line);
        ck_assert_uint_eq(strlen(fake_os_text()), BRKM_REPORT_LINE);
        ck_assert_uint_eq(strspn(fake_os_text(), "p"), BRKM_REPORT_LINE - 1);
        ck_assert_int_eq(fake_os_text()[BRKM_REPORT_LINE - 1], '\n');
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = unit_case(suite, "messages");
    tcase_add_loop_test(tests, each_fault_says_what_where_and_in_which_call, 0, FAULTS);
    tcase_add_test(tests, an_unknown_size_is_left_out);
    tcase_add_test(tests, a_failed_assertion_says_which);
    tcase_add_test(tests, numbers_and_pointers_of_every_length);
    tcase_add_test(tests, a_line_that_is_too_long_is_cut_and_ended);
    return suite;
}
