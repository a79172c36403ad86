/* SPDX-License-Identifier: MIT
 * kit/text.h: text arrives whole, in pieces of the buffer's size. */
#include "kit/text.h"

#include <string.h>

#include "unit.h"

static char text[10000];
static size_t length, pieces, longest;

static void collect(void *context, const char *piece, size_t size)
{
    ck_assert_ptr_eq(context, text);
    ck_assert_uint_gt(size, 0);
    memcpy(text + length, piece, size);
    length += size;
    pieces++;
    longest = max_size(longest, size);
}

START_TEST(short_text_comes_when_it_is_flushed)
{
    struct writer writer = {.write = collect, .context = text};
    brkm__writer_add(&writer, "one ");
    brkm__writer_add(&writer, "");
    brkm__writer_add_number(&writer, 0);
    brkm__writer_add(&writer, " ");
    brkm__writer_add_number(&writer, UINT64_MAX);
    ck_assert_uint_eq(pieces, 0);
    brkm__writer_flush(&writer);
    brkm__writer_flush(&writer);
    ck_assert_uint_eq(pieces, 1);
    ck_assert_str_eq(text, "one 0 18446744073709551615");
}
END_TEST

START_TEST(long_text_comes_in_pieces)
{
    static char expected[5001];
    struct writer writer = {.write = collect, .context = text};
    for (size_t i = 0; i < 5000; i++) {
        expected[i] = (char)('a' + i % 26);
    }
    brkm__writer_add(&writer, "x");
    brkm__writer_add(&writer, expected);
    brkm__writer_flush(&writer);
    ck_assert_uint_eq(length, 5001);
    ck_assert_str_eq(text + 1, expected);
    ck_assert_uint_eq(longest, WRITER_BUFFER);
    ck_assert_uint_eq(pieces, (5001 + WRITER_BUFFER - 1) / WRITER_BUFFER);
}
END_TEST

START_TEST(without_a_function_it_goes_to_standard_error)
{
    struct writer writer = {.write = NULL};
    brkm__writer_add(&writer, "said");
    brkm__writer_flush(&writer);
    ck_assert_str_eq(fake_os_text(), "said");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("writer");
    TCase *tests = unit_case(suite, "writer");
    tcase_add_test(tests, short_text_comes_when_it_is_flushed);
    tcase_add_test(tests, long_text_comes_in_pieces);
    tcase_add_test(tests, without_a_function_it_goes_to_standard_error);
    return suite;
}
