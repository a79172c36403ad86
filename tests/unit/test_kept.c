/* SPDX-License-Identifier: MIT
 * stats/kept.h: a program that has free memory for one reason is told that reason, and what is told
 * adds up to what is free. */
#include "stats/kept.h"

#include <string.h>

#include "heap/heaps.h"
#include "kit/options.h"
#include "stats/explain_memory.h"
#include "stats/shares.h"
#include "unit.h"

enum { BLOCKS = 400 };

/* Too large for caches. */
#define SIZE (100 * BRKM_KIB)

static void *blocks[BLOCKS];
static char text[16384];

static void take(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (blocks[i] == NULL) {
            blocks[i] = brkm_malloc(SIZE);
            ck_assert_ptr_nonnull(blocks[i]);
            memset(blocks[i], 1, SIZE);
        }
    }
}

static void give(unsigned i)
{
    brkm_free(blocks[i]);
    blocks[i] = NULL;
}

/* Each between two that stay. */
static void give_apart(unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        give(2 * i - 1);
    }
}

static uint64_t whole_pages(const struct kept *kept)
{
    return kept->option + kept->threshold + kept->share + kept->regretted + kept->refused +
           kept->waiting;
}

static struct kept look(void)
{
    struct memory_shares *shares = brkm__shares_make();
    struct kept kept = shares->kept;
    ck_assert_uint_eq(kept.shared + kept.ends + whole_pages(&kept), shares->sum.free);
    ck_assert_uint_ge(kept.shared, shares->sum.pinned);
    ck_assert_uint_le(kept.shared, shares->sum.pinned + shares->sum.pinned / 100 + 64);
    brkm__shares_free(shares);
    return kept;
}

static void add_text(void *context, const char *part, size_t length)
{
    size_t *used = context;
    ck_assert_uint_lt(*used + length, sizeof(text));
    memcpy(text + *used, part, length);
    *used += length;
    text[*used] = '\0';
}

static void expect_words(const char *words)
{
    size_t used = 0;
    ck_assert_int_eq(brkm__explain_memory(add_text, &used, 0), 0);
    ck_assert_msg(strstr(text, words) != NULL, "%s: %s", words, text);
}

/* ---- Reasons ---- */

START_TEST(small_blocks_share_their_pages)
{
    void *small[1000];
    for (unsigned i = 0; i < 1000; i++) {
        small[i] = brkm_malloc(3000);
    }
    for (unsigned i = 0; i < 1000; i++) {
        if (i % 2 == 0) {
            brkm_free(small[i]);
        }
    }
    brkm_malloc_trim(0);
    struct kept kept = look();
    ck_assert_uint_gt(kept.shared, BRKM_MIB);
    ck_assert_uint_eq(whole_pages(&kept), 0);
    expect_words("  shared ");
    ck_assert_ptr_null(strstr(text, "PID trim"));
}
END_TEST

START_TEST(the_threshold_lets_some_stay)
{
    take(20);
    give_apart(8);
    struct kept kept = look();
    ck_assert_uint_ge(kept.threshold, 8 * (SIZE - 2 * PAGE));
    ck_assert_uint_eq(whole_pages(&kept), kept.threshold);
    expect_words("- purge_threshold:1048576 is in force; `set purge_threshold=0` makes it none.\n"
                 "- `brkmalloc ctl PID trim` gives all");
    brkm_malloc_trim(0);
    kept = look();
    ck_assert_uint_eq(whole_pages(&kept), 0);
}
END_TEST

START_TEST(a_part_of_what_is_in_use_stays_as_well)
{
    take(BLOCKS);
    give_apart(30);
    struct kept kept = look();
    ck_assert_uint_eq(kept.threshold, BRKM_MIB);
    ck_assert_uint_ge(kept.share, 30 * (SIZE - 2 * PAGE) - BRKM_MIB);
    ck_assert_uint_eq(whole_pages(&kept), kept.threshold + kept.share);
    expect_words("background:true all but\n");
    ck_assert(brkm__option_set(OPTION_background, 1));
    expect_words("goes within a second once the program rests");
}
END_TEST

START_TEST(what_was_used_again_stays_until_that_is_forgotten)
{
    for (unsigned round = 0; round < 20; round++) {
        take(100);
        give_apart(45);
        for (unsigned i = 0; i < 98; i += 2) {
            give(i);
        }
    }
    struct kept kept = look();
    ck_assert_uint_gt(kept.regretted, BRKM_MIB);
    ck_assert_uint_eq(kept.waiting + kept.refused + kept.option, 0);
    uint64_t time = kept.regret_ms;
    ck_assert_uint_ge(time * BRKM_REGRET_FADES, BRKM_REGRET_MAX);
    expect_words("- what was used again is forgotten in ");

    fake_os.milliseconds += time / 2;
    kept = look();
    ck_assert_uint_le(kept.regret_ms, time - time / 2);
    fake_os.milliseconds += time;
    kept = look();
    ck_assert_uint_eq(kept.regretted, 0);
    ck_assert_uint_gt(kept.waiting, BRKM_MIB);
    expect_words("  waiting ");

    give(99);
    kept = look();
    ck_assert_uint_eq(kept.waiting, 0);
}
END_TEST

START_TEST(what_an_option_no_longer_lets_stay_waits)
{
    take(20);
    give_apart(8);
    ck_assert(brkm__option_set(OPTION_purge_threshold, 0));
    struct kept kept = look();
    ck_assert_uint_eq(kept.threshold, 0);
    ck_assert_uint_gt(kept.waiting, 4 * SIZE);
    give(19);
    kept = look();
    ck_assert_uint_eq(kept.waiting, 0);
}
END_TEST

START_TEST(options_keep_all)
{
    ck_assert(_i == 0 ? brkm__option_set(OPTION_keep_memory, 1)
                      : brkm__option_set(OPTION_trim_threshold, PTRDIFF_MAX));
    take(100);
    give_apart(45);
    struct kept kept = look();
    ck_assert_uint_ge(kept.option, 45 * (SIZE - 2 * PAGE));
    ck_assert_uint_eq(whole_pages(&kept), kept.option);
    expect_words(_i == 0 ? "- keep_memory:true is in force; `set keep_memory=false` ends that.\n"
                         : "- trim_threshold says never; `set trim_threshold=256K` ends that.\n");
}
END_TEST

START_TEST(a_system_that_refuses_is_named)
{
    take(100);
    fake_os_fail(FAKE_ONLY(FAKE_DISCARD), 1, true);
    give_apart(45);
    struct kept kept = look();
    ck_assert_uint_gt(kept.refused, BRKM_MIB);
    ck_assert_uint_eq(kept.waiting, 0);
    expect_words("  refused ");
}
END_TEST

/* What is free in another heap than the main one, which has nothing to give back. */
START_TEST(side_heaps_count)
{
    struct mem_control_block *row[100];
    struct heap *side = brkm__heaps_begin(1);
    ck_assert_ptr_nonnull(side);
    for (unsigned i = 0; i < 100; i++) {
        row[i] = brkm__heap_allocate(side, 30000, HEAP_MAY_GROW, NULL);
        ck_assert_ptr_nonnull(row[i]);
    }
    for (unsigned i = 1; i < 100; i += 2) {
        brkm__heap_free(side, row[i], "free");
    }
    uint64_t dirty = side->bins.dirty;
    ck_assert_uint_gt(dirty, BRKM_MIB / 2);
    struct kept kept = look();
    ck_assert_uint_ge(kept.threshold + kept.share, dirty);
    ck_assert_uint_le(kept.threshold, BRKM_MIB);
    ck_assert_uint_eq(kept.waiting, 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("kept");
    TCase *reasons = unit_case(suite, "reasons");
    tcase_add_test(reasons, small_blocks_share_their_pages);
    tcase_add_test(reasons, the_threshold_lets_some_stay);
    tcase_add_test(reasons, a_part_of_what_is_in_use_stays_as_well);
    tcase_add_test(reasons, what_was_used_again_stays_until_that_is_forgotten);
    tcase_add_test(reasons, what_an_option_no_longer_lets_stay_waits);
    tcase_add_loop_test(reasons, options_keep_all, 0, 2);
    tcase_add_test(reasons, a_system_that_refuses_is_named);
    tcase_add_test(reasons, side_heaps_count);
    return suite;
}
