/* SPDX-License-Identifier: MIT
 * stats/print.c and stats/malloc_info.c: mallinfo, malloc_stats, brkm_stats_print, malloc_info. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"
#include "unit.h"

/* More than a thread cache holds, so that they go to the heap. */
#define LARGE ((size_t)100000)

static void expect_consistent(const struct brkm_mallinfo2 *info)
{
    ck_assert_uint_eq(info->uordblks + info->fordblks, info->arena);
    ck_assert_uint_le(info->keepcost, info->fordblks);
    ck_assert_uint_eq(info->smblks, 0);
    ck_assert_uint_eq(info->fsmblks, 0);
    ck_assert_uint_eq(info->usmblks, 0);
    struct snapshot now = brkm__snapshot_of_counters();
    ck_assert_uint_le(now.memory_cached, info->fordblks);
    ck_assert_int_eq(brkm__snapshot_cached_blocks(&now) == 0, now.memory_cached == 0);
}

START_TEST(an_untouched_allocator_has_nothing)
{
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    struct brkm_mallinfo2 nothing = {0};
    ck_assert_mem_eq(&info, &nothing, sizeof(info));
}
END_TEST

START_TEST(heap_blocks_are_counted)
{
    void *memory[4];
    ck_assert_int_eq(brkm_mallopt(-1, INT_MAX), 1);
    for (size_t i = 0; i < 4; i++) {
        memory[i] = brkm_malloc(LARGE);
    }
    size_t block = brkm_malloc_usable_size(memory[0]) + BRKM_HEADER_SIZE;
    struct brkm_mallinfo2 before = brkm_mallinfo2();
    expect_consistent(&before);
    ck_assert_uint_eq(before.arena, fake_os_break_raised());
    ck_assert_uint_ge(before.uordblks, 4 * block);
    ck_assert_uint_eq(before.hblks, 0);
    brkm_free(memory[0]);
    brkm_free(memory[2]);
    struct brkm_mallinfo2 after = brkm_mallinfo2();
    expect_consistent(&after);
    ck_assert_uint_eq(after.uordblks, before.uordblks - 2 * block);
    ck_assert_uint_eq(after.fordblks, before.fordblks + 2 * block);
    ck_assert_uint_eq(after.ordblks, before.ordblks + 2);
    ck_assert_uint_eq(after.keepcost, before.keepcost);
    brkm_free(memory[1]);
    after = brkm_mallinfo2();
    ck_assert_uint_eq(after.ordblks, before.ordblks + 1);
}
END_TEST

START_TEST(mapped_blocks_are_counted)
{
    void *first = brkm_malloc(4 * BRKM_MIB);
    void *second = brkm_malloc(8 * BRKM_MIB);
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    ck_assert_uint_eq(info.hblks, 2);
    ck_assert_uint_eq(info.hblkhd, fake_os_mapped_bytes());
    brkm_free(first);
    info = brkm_mallinfo2();
    ck_assert_uint_eq(info.hblks, 1);
    ck_assert_uint_eq(info.hblkhd, fake_os_mapped_bytes());
    brkm_free(second);
    info = brkm_mallinfo2();
    ck_assert_uint_eq(info.hblks, 0);
    ck_assert_uint_eq(info.hblkhd, 0);
}
END_TEST

START_TEST(fallback_regions_count_as_the_heap_s)
{
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
    ck_assert_ptr_nonnull(brkm_malloc(LARGE));
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    ck_assert_uint_eq(info.arena, fake_os_mapped_bytes());
    ck_assert_uint_eq(info.hblks, 0);
    ck_assert_uint_eq(info.keepcost, 0);
    expect_consistent(&info);
}
END_TEST

START_TEST(cached_blocks_count_as_free)
{
    void *memory[10];
    for (size_t i = 0; i < 10; i++) {
        memory[i] = brkm_malloc(100);
    }
    struct brkm_mallinfo2 before = brkm_mallinfo2();
    for (size_t i = 0; i < 10; i++) {
        brkm_free(memory[i]);
    }
    struct brkm_mallinfo2 after = brkm_mallinfo2();
    expect_consistent(&after);
    ck_assert_uint_gt(brkm__snapshot_of_counters().memory_cached, 0);
    ck_assert_uint_eq(after.uordblks, before.uordblks - 10 * block_size_for_request(100));
    brkm_malloc_trim(0);
    after = brkm_mallinfo2();
    expect_consistent(&after);
    ck_assert_uint_eq(brkm__snapshot_of_counters().memory_cached, 0);
}
END_TEST

START_TEST(the_old_mallinfo_stops_at_its_type_s_end)
{
    struct brkm_mallinfo2 wide;
    struct brkm_mallinfo narrow;
    ck_assert_ptr_nonnull(brkm_malloc(LARGE));
    wide = brkm_mallinfo2();
    narrow = brkm_mallinfo();
#define EXPECT_SAME(member) ck_assert_uint_eq((size_t)narrow.member, wide.member)
    EXPECT_SAME(arena);
    EXPECT_SAME(ordblks);
    EXPECT_SAME(smblks);
    EXPECT_SAME(hblks);
    EXPECT_SAME(hblkhd);
    EXPECT_SAME(usmblks);
    EXPECT_SAME(fsmblks);
    EXPECT_SAME(uordblks);
    EXPECT_SAME(fordblks);
    EXPECT_SAME(keepcost);
#undef EXPECT_SAME
    ck_assert_ptr_nonnull(brkm_malloc(3 * BRKM_GIB));
    ck_assert_uint_gt(brkm_mallinfo2().hblkhd, 3 * BRKM_GIB);
    ck_assert_int_eq(brkm_mallinfo().hblkhd, INT_MAX);
}
END_TEST

/* The line that begins with `label` has these bytes, as MiB and as a share of all, and the number.
 */
static void expect_row(const char *label, size_t bytes, unsigned long number)
{
    const char *found = strstr(fake_os_text(), label);
    ck_assert_msg(found != NULL, "no %s in %s", label, fake_os_text());
    size_t total = fake_os_mapped_bytes() + fake_os_break_raised();
    double mib, share;
    unsigned long count = 0;
    int fields = sscanf(found + strlen(label), "%lf %lf %lu", &mib, &share, &count);
    ck_assert_int_ge(fields, 2);
    ck_assert_double_eq_tol(mib, (double)bytes / BRKM_MIB, 0.00051);
    ck_assert_double_eq_tol(share, 100.0 * (double)bytes / (double)total, 0.051);
    ck_assert_uint_eq(count, number);
}

START_TEST(malloc_stats_prints_the_true_numbers)
{
    fake_os.milliseconds = 5000;
    void *mapped = brkm_malloc(4 * BRKM_MIB);
    ck_assert_ptr_nonnull(brkm_malloc(LARGE));
    fake_os.milliseconds += 12345;
    brkm_malloc_stats();
    ck_assert_msg(
        unit_said("brkmalloc: statistics of process 4242, 12.3 s after its first memory; the "
                  "peak came after 0.0 s\n"
                  "                             MiB       %      number  of what\n"),
        "%s", fake_os_text());
    expect_row("\n    mapped ", fake_os_mapped_bytes(), 1);
    expect_row("\nheap ", fake_os_break_raised(), 1);
    expect_row("\nmemory from the system ", fake_os_mapped_bytes() + fake_os_break_raised(), 0);
    ck_assert(unit_said("\nmapped blocks so far                               1\n"));
    brkm_free(mapped);
    fake_os_forget_text();
    brkm_malloc_stats();
    ck_assert(!unit_said("\n    mapped "));
}
END_TEST

static char printed[65536];
static size_t printed_length, pieces;

static void collect(void *context, const char *text, size_t length)
{
    ck_assert_ptr_eq(context, printed);
    ck_assert_uint_lt(printed_length + length, sizeof(printed));
    memcpy(printed + printed_length, text, length);
    printed_length += length;
    printed[printed_length] = '\0';
    pieces++;
    /* The writer may allocate: nothing is locked. */
    brkm_free(brkm_malloc(LARGE));
}

START_TEST(statistics_go_to_the_callers_function)
{
    brkm_free(brkm_malloc(100));
    ck_assert_int_eq(brkm_stats_print(collect, printed, BRKM_STATS_TEXT), 0);
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert(strncmp(printed, "brkmalloc: statistics of process ", 33) == 0);
    ck_assert_str_eq(printed + printed_length - 1, "\n");
    ck_assert_uint_gt(pieces, 1);
    printed_length = 0;
    ck_assert_int_eq(brkm_stats_print(collect, printed, BRKM_STATS_LINES), 0);
    ck_assert(strncmp(printed, "process.id 4242\nprocess.age_ms ", 31) == 0);
    ck_assert_ptr_nonnull(strstr(printed, "\nmemory.total "));
    ck_assert_ptr_nonnull(strstr(printed, "\nclass 112 0 0 1 112 0 0\n"));
    ck_assert_ptr_nonnull(strstr(printed, "\ncache 1 "));
    printed_length = 0;
    ck_assert_int_eq(brkm_stats_print(collect, printed, BRKM_STATS_JSON), 0);
    ck_assert(strncmp(printed, "{\"version\":\"", 12) == 0);
    ck_assert_ptr_nonnull(strstr(printed, "\n\"classes\":[\n{\"size\":"));
    ck_assert_ptr_nonnull(strstr(printed, "\n\"thread_caches\":[\n{\"number\":1,"));
    ck_assert_str_eq(printed + printed_length - 3, "]}\n");
    ck_assert_int_eq(brkm_stats_print(collect, printed, (enum brkm_stats_format)3), EINVAL);
}
END_TEST

START_TEST(without_memory_for_detail_the_sums_are_printed)
{
    brkm_free(brkm_malloc(100));
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    ck_assert_int_eq(brkm_stats_print(NULL, NULL, BRKM_STATS_JSON), 0);
    ck_assert(unit_said("\"memory\":{\"total\":"));
    ck_assert(!unit_said("classes"));
    ck_assert(!unit_said("thread_caches"));
    ck_assert_str_eq(fake_os_text() + strlen(fake_os_text()) - 3, "}}\n");
}
END_TEST

/* ---- malloc_info ---- */

static char xml[65536];

static void read_xml(void)
{
    FILE *stream = fmemopen(xml, sizeof(xml), "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_eq(brkm_malloc_info(0, stream), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

/* The number behind `before` in the text from `from` on. */
static size_t number_behind(const char *from, const char *before)
{
    const char *found = strstr(from, before);
    ck_assert_msg(found != NULL, "no %s in\n%s", before, xml);
    return strtoull(found + strlen(before), NULL, 10);
}

/* Every element that is opened is closed, in order. */
static void expect_well_formed(void)
{
    const char *open[10];
    size_t depth = 0;
    for (const char *tag = strchr(xml, '<'); tag != NULL; tag = strchr(tag + 1, '<')) {
        const char *end = strchr(tag, '>');
        ck_assert_ptr_nonnull(end);
        if (tag[1] == '/') {
            ck_assert_uint_gt(depth, 0);
            size_t length = (size_t)(end - tag) - 2;
            ck_assert(strncmp(open[--depth] + 1, tag + 2, length) == 0);
        } else if (end[-1] != '/') {
            ck_assert_uint_lt(depth, 10);
            open[depth++] = tag;
        }
    }
    ck_assert_uint_eq(depth, 0);
}

START_TEST(malloc_info_is_well_formed_and_true)
{
    void *memory[6];
    for (size_t i = 0; i < 6; i++) {
        memory[i] = brkm_malloc(LARGE);
    }
    void *mapped = brkm_malloc(4 * BRKM_MIB);
    brkm_free(memory[1]);
    brkm_free(memory[3]);
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    read_xml();
    expect_well_formed();
    ck_assert(strncmp(xml, "<malloc version=\"1\">\n", 21) == 0);
    size_t block = brkm_malloc_usable_size(memory[0]) + BRKM_HEADER_SIZE;
    char size_element[100];
    snprintf(size_element, sizeof(size_element),
             "<size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"2\"/>", block, block, 2 * block);
    ck_assert_msg(strstr(xml, size_element) != NULL, "%s", xml);
    const char *whole = strstr(xml, "</heap>");
    ck_assert_ptr_nonnull(whole);
    ck_assert_uint_eq(number_behind(whole, "<total type=\"mmap\" count=\""), 1);
    ck_assert_uint_eq(number_behind(whole, "<system type=\"current\" size=\""), info.arena);
    ck_assert_uint_ge(number_behind(whole, "<system type=\"max\" size=\""), info.arena);
    ck_assert_uint_eq(number_behind(whole, "<total type=\"rest\" count=\""), info.ordblks);
    brkm_free(mapped);
}
END_TEST

START_TEST(malloc_info_takes_no_options)
{
    ck_assert_int_eq(brkm_malloc_info(1, stderr), EINVAL);
}
END_TEST

START_TEST(the_version_is_the_header_s)
{
    char expected[40];
    snprintf(expected, sizeof(expected), "%d.%d.%d", BRKM_VERSION_MAJOR, BRKM_VERSION_MINOR,
             BRKM_VERSION_PATCH);
    ck_assert_str_eq(brkm_version(), expected);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("stats");
    TCase *info = unit_case(suite, "mallinfo");
    tcase_add_test(info, an_untouched_allocator_has_nothing);
    tcase_add_test(info, heap_blocks_are_counted);
    tcase_add_test(info, mapped_blocks_are_counted);
    tcase_add_test(info, fallback_regions_count_as_the_heap_s);
    tcase_add_test(info, cached_blocks_count_as_free);
    tcase_add_test(info, the_old_mallinfo_stops_at_its_type_s_end);
    TCase *text = unit_case(suite, "text");
    tcase_add_test(text, malloc_stats_prints_the_true_numbers);
    tcase_add_test(text, statistics_go_to_the_callers_function);
    tcase_add_test(text, without_memory_for_detail_the_sums_are_printed);
    tcase_add_test(text, malloc_info_is_well_formed_and_true);
    tcase_add_test(text, malloc_info_takes_no_options);
    tcase_add_test(text, the_version_is_the_header_s);
    return suite;
}
