/* SPDX-License-Identifier: MIT
 * purge.h: pages inside free blocks go back once, of themselves when many are free, and not where
 * that costs more than it is worth; what the heap keeps in a block stays. */
#include "heap/purge.h"

#include <string.h>

#include "heap/heaps.h"
#include "kit/footprint.h"
#include "kit/options.h"
#include "unit.h"

static struct heap *const heap = &brkm__main_heap;

static struct mem_control_block *take(size_t size)
{
    struct mem_control_block *block = brkm__heap_allocate(heap, size, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    unit_fill(block_payload(block), block_usable_size(block), (uint32_t)(uintptr_t)block);
    return block;
}

static void give(struct mem_control_block *block)
{
    ck_assert(
        unit_is_filled(block_payload(block), block_usable_size(block), (uint32_t)(uintptr_t)block));
    brkm__heap_free(heap, block, "free");
}

/* A free block of the heap that was written to all over, with blocks in use around it. */
static struct mem_control_block *free_block_of(size_t size)
{
    struct mem_control_block *blocks[3];
    for (size_t i = 0; i < 3; i++) {
        blocks[i] = brkm__heap_allocate(heap, size, HEAP_MAY_GROW, NULL);
        ck_assert_ptr_nonnull(blocks[i]);
        memset(block_payload(blocks[i]), 0x77, block_usable_size(blocks[i]));
    }
    brkm__heap_free(heap, blocks[1], "free");
    return blocks[1];
}

static size_t purge_all(void)
{
    size_t purged = brkm__purge_all(heap, false);
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
    return purged;
}

static size_t zero_pages(const struct mem_control_block *block)
{
    size_t count = 0;
    uintptr_t end = (uintptr_t)block_next(block);
    for (uintptr_t page = align_up((uintptr_t)block, PAGE); page + PAGE <= end; page += PAGE) {
        count += unit_is_zero((const void *)page, PAGE);
    }
    return count;
}

/* ---- One block ---- */

START_TEST(whole_pages_go_back_and_the_heap_stays_sound)
{
    for (size_t size = 8 * PAGE; size < 9 * PAGE; size += 48) {
        struct mem_control_block *block = free_block_of(size);
        size_t purged = purge_all();
        ck_assert_uint_ge(purged, block_size(block) - 2 * PAGE - 64);
        ck_assert_uint_eq(purged % PAGE, 0);
        ck_assert_uint_eq(zero_pages(block) * PAGE, purged);
        ck_assert_uint_eq(heap->bins.dirty, 0);
        ck_assert_ptr_eq(brkm__heap_allocate(heap, size, HEAP_AS_IT_IS, NULL), block);
    }
}
END_TEST

START_TEST(a_block_is_purged_once_until_it_was_used)
{
    struct mem_control_block *block = free_block_of(8 * PAGE);
    ck_assert_uint_gt(purge_all(), 0);
    ck_assert_uint_eq(purge_all(), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 1);
    ck_assert_ptr_eq(brkm__heap_allocate(heap, 8 * PAGE, HEAP_AS_IT_IS, NULL), block);
    brkm__heap_free(heap, block, "free");
    ck_assert_uint_gt(purge_all(), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 2);
}
END_TEST

START_TEST(a_block_without_a_whole_page_is_left_alone)
{
    free_block_of(1024);
    ck_assert_uint_eq(purge_all(), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 0);
}
END_TEST

/* The smallest block with a whole page inside stands right so that its notes end where the page
 * begins. */
START_TEST(every_block_with_a_whole_page_counts)
{
    for (size_t size = PAGE; size < PAGE + 128; size += 16) {
        struct mem_control_block *start = take(64);
        size_t lead = PAGE - 72 - (uintptr_t)block_next(start) % PAGE;
        struct mem_control_block *front = take(lead < BRKM_MIN_BLOCK ? lead + PAGE : lead);
        struct mem_control_block *block = take(size);
        take(64);
        ck_assert_uint_eq((uintptr_t)block % PAGE, PAGE - 72);
        ck_assert_ptr_eq(block_next(front), block);
        give(block);
        ck_assert_msg(brkm_check_heap() == 0, "%zu: %s", size, fake_os_text());
        ck_assert_uint_eq(heap->bins.dirty, size >= PAGE + 80 ? PAGE : 0);
        purge_all();
        ck_assert_ptr_eq(brkm__heap_allocate(heap, size, HEAP_AS_IT_IS, NULL), block);
    }
}
END_TEST

START_TEST(a_purge_that_the_system_refuses_can_be_tried_again)
{
    free_block_of(8 * PAGE);
    fake_os_fail(FAKE_ONLY(FAKE_DISCARD), 1, false);
    ck_assert_uint_eq(purge_all(), 0);
    ck_assert_uint_gt(purge_all(), 0);
}
END_TEST

START_TEST(pages_that_went_back_are_not_given_back_again_when_neighbours_join)
{
    struct mem_control_block *row[5];
    for (size_t i = 0; i < 5; i++) {
        row[i] = take(8 * PAGE);
    }
    give(row[_i == 0 ? 1 : 2]);
    size_t first = purge_all();
    ck_assert_uint_ge(first, 6 * PAGE);
    give(row[_i == 0 ? 2 : 1]);
    size_t second = purge_all();
    ck_assert_uint_ge(second, 6 * PAGE);
    ck_assert_uint_le(second, 10 * PAGE);
    give(row[3]);
    give(row[0]);
    give(row[4]);
}
END_TEST

START_TEST(a_block_in_use_is_never_marked_as_purged)
{
    struct mem_control_block *block = free_block_of(16 * PAGE);
    purge_all();
    ck_assert(block_has_flag(block, BLOCK_FLAG_PURGED));
    size_t size = _i == 0 ? 4 * PAGE : 16 * PAGE;
    ck_assert_ptr_eq(brkm__heap_allocate(heap, size, HEAP_AS_IT_IS, NULL), block);
    ck_assert(!block_has_flag(block, BLOCK_FLAG_PURGED));
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}
END_TEST

START_TEST(the_top_is_never_marked_as_purged)
{
    struct mem_control_block *block = free_block_of(16 * PAGE);
    struct mem_control_block *last = block_next(block);
    purge_all();
    ck_assert(block_has_flag(block, BLOCK_FLAG_PURGED));
    brkm__heap_free(heap, last, "free");
    ck_assert_ptr_eq(heap->top.block, block);
    ck_assert(!block_has_flag(block, BLOCK_FLAG_PURGED));
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}
END_TEST

START_TEST(the_rest_of_a_purged_block_stays_purged)
{
    struct mem_control_block *block = free_block_of(16 * PAGE);
    size_t purged = purge_all();
    size_t dirty;
    ck_assert_ptr_eq(brkm__heap_allocate(heap, 4 * PAGE, HEAP_AS_IT_IS, &dirty), block);
    ck_assert_uint_le(dirty, PAGE);
    ck_assert(unit_is_zero((char *)block_payload(block) + dirty, block_usable_size(block) - dirty));
    size_t regretted = heap->purge.regretted;
    ck_assert_uint_ge(regretted, 3 * PAGE);
    ck_assert_uint_le(heap->bins.dirty, PAGE);
    ck_assert_uint_le(purge_all(), PAGE);
    ck_assert_uint_ge(zero_pages(block_next(block)) * PAGE, purged - regretted - PAGE);
}
END_TEST

/* ---- Policy ---- */

static size_t allowed(void)
{
    return BRKM_PURGE_THRESHOLD_DEFAULT + purge_allows_beside(&heap->purge, heap->in_use_bytes);
}

#define ROW 512

static struct mem_control_block *row[ROW];

static void take_row(size_t size)
{
    for (size_t i = 0; i < ROW; i++) {
        row[i] = take(size);
    }
}

static void give_row(size_t step)
{
    for (size_t i = 0; i < ROW; i++) {
        if (i % step != 0) {
            give(row[i]);
            row[i] = NULL;
        }
    }
}

START_TEST(what_is_freed_goes_back_without_being_asked)
{
    take_row(32 * 1024);
    give_row(8);
    ck_assert_uint_gt(brkm__footprint_totals().purged_bytes, 0);
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
    for (size_t i = 0; i < ROW; i += 8) {
        give(row[i]);
    }
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), BRKM_PURGE_THRESHOLD_DEFAULT);
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}
END_TEST

START_TEST(the_threshold_is_an_option)
{
    ck_assert(brkm__option_set(OPTION_purge_threshold, BRKM_GIB));
    take_row(32 * 1024);
    give_row(8);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 0);
}
END_TEST

/* The last block stays, so that nothing goes into the top. */
static void cycle(void)
{
    take_row(32 * 1024);
    struct mem_control_block *last = take(64);
    give_row(ROW + 1);
    give(row[0] == NULL ? last : row[0]);
    if (row[0] != NULL) {
        row[0] = NULL;
        give(last);
    }
}

START_TEST(a_program_that_cycles_its_memory_is_left_alone_and_later_shrinks)
{
    for (int i = 0; i < 20; i++) {
        cycle();
    }
    size_t purged = brkm__footprint_totals().purged_bytes;
    /* As much as may be regretted, once more what was purged before that was known. */
    ck_assert_uint_le(purged, BRKM_REGRET_MAX + 2 * ROW * 33 * 1024);
    for (int i = 0; i < 20; i++) {
        cycle();
    }
    ck_assert_uint_eq(brkm__footprint_totals().purged_bytes, purged);
    fake_os.milliseconds += 100000;
    for (int i = 0; i < 300; i++) {
        give(take(64));
    }
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}
END_TEST

START_TEST(what_lies_free_beyond_what_is_regretted_goes_back)
{
    enum { blocks = 24 };
    struct mem_control_block *large[blocks];
    for (size_t i = 0; i < blocks; i++) {
        large[i] = take(BRKM_MIB);
        take(64);
    }
    heap->purge.regretted = BRKM_REGRET_MAX + BRKM_MIB;
    heap->purge.faded_at = fake_os.milliseconds;
    for (size_t i = 0; i < blocks; i++) {
        give(large[i]);
    }
    size_t dirty = purge_dirty(&heap->bins, &heap->top);
    ck_assert_uint_le(dirty, allowed() + heap->purge.regretted);
    ck_assert_uint_ge(dirty, BRKM_REGRET_MAX - BRKM_MIB);
    ck_assert_uint_gt(brkm__footprint_totals().purged_bytes, 0);
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}
END_TEST

/* ---- Every way in which memory becomes free ---- */

/* A block of 32 MiB that was written to, with others in use around it. */
static struct mem_control_block *large_block(void)
{
    take(64);
    struct mem_control_block *block = brkm__heap_allocate(heap, 32 * BRKM_MIB, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    memset(block_payload(block), 0x77, block_usable_size(block));
    take(64);
    return block;
}

START_TEST(what_a_shrinking_block_leaves_goes_back)
{
    struct mem_control_block *block = large_block();
    ck_assert(brkm__heap_resize(heap, block, BRKM_MIB, "realloc"));
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}
END_TEST

START_TEST(what_a_shrinking_block_leaves_of_the_top_goes_back)
{
    struct mem_control_block *block = take(32 * BRKM_MIB);
    ck_assert(brkm__heap_resize(heap, block, BRKM_MIB, "realloc"));
    ck_assert_uint_le(brkm__top_available(&heap->top), 8 * BRKM_MIB);
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
}
END_TEST

START_TEST(one_free_of_much_goes_back_at_once)
{
    brkm__heap_free(heap, large_block(), "free");
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
}
END_TEST

START_TEST(a_list_that_is_freed_goes_back)
{
    struct cached_list all[64];
    for (size_t i = 0; i < 64; i++) {
        all[i] = brkm__heap_allocate_list(heap, 32 * BRKM_KIB, 8, BRKM_ALIGNMENT, HEAP_MAY_GROW);
        ck_assert_uint_eq(all[i].count, 8);
        take(64);
    }
    for (size_t i = 0; i < 64; i++) {
        brkm__heap_free_list(heap, all[i]);
    }
    ck_assert_uint_gt(fake_os.calls[FAKE_DISCARD], 0);
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
}
END_TEST

START_TEST(the_slack_of_an_aligned_block_goes_back)
{
    struct mem_control_block *block = large_block();
    ck_assert(brkm__option_set(OPTION_purge_threshold, BRKM_GIB));
    brkm__heap_free(heap, block, "free");
    ck_assert(brkm__option_set(OPTION_purge_threshold, BRKM_MIB));
    ck_assert_ptr_nonnull(brkm__heap_allocate_aligned(heap, 64, 8 * BRKM_MIB, HEAP_AS_IT_IS));
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}
END_TEST

/* ---- Regret and the clock ---- */

START_TEST(regret_fades_from_its_own_time_on)
{
    fake_os.milliseconds = 1000000;
    brkm__purge_regret(&heap->purge, 2 * BRKM_REGRET_MAX);
    ck_assert(brkm__purge_is_regretted(&heap->purge));
    ck_assert_uint_eq(heap->purge.regretted, 2 * BRKM_REGRET_MAX);
    fake_os.milliseconds += BRKM_REGRET_MAX / BRKM_REGRET_FADES;
    ck_assert(!brkm__purge_is_regretted(&heap->purge));
    ck_assert_uint_eq(heap->purge.regretted, BRKM_REGRET_MAX);
    fake_os.milliseconds += 1000000;
    brkm__purge_regret(&heap->purge, BRKM_REGRET_MAX + 1);
    ck_assert(brkm__purge_is_regretted(&heap->purge));
}
END_TEST

/* ---- Where the system refuses, and where nothing shall go back ---- */

static void free_often(void)
{
    for (int i = 0; i < 100000; i++) {
        brkm__heap_free(heap, brkm__heap_allocate(heap, 64, HEAP_MAY_GROW, NULL), "free");
    }
}

START_TEST(a_system_that_refuses_is_asked_rarely)
{
    fake_os_fail(FAKE_ONLY(FAKE_DISCARD), 1, true);
    brkm__heap_free(heap, large_block(), "free");
    free_often();
    ck_assert_uint_gt(fake_os.calls[FAKE_DISCARD], 2);
    ck_assert_uint_lt(fake_os.calls[FAKE_DISCARD], 30);
    fake_os_fail(0, 0, false);
    free_often();
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
}
END_TEST

START_TEST(nothing_goes_back_where_memory_is_kept)
{
    bool finished;
    ck_assert(_i == 0 ? brkm__option_set(OPTION_keep_memory, 1)
                      : brkm_mallopt(-1 /* M_TRIM_THRESHOLD */, -1) == 1);
    brkm__heap_free(heap, large_block(), "free");
    brkm__heap_free(heap, take(32 * BRKM_MIB), "free");
    brkm__heap_decay(heap, brkm__purge_keeps(), &finished);
    ck_assert(brkm__heaps_set_alarm(false));
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_BREAK_LOWER], 0);
    /* But for a program that asks for it. */
    ck_assert_int_eq(brkm_malloc_trim(0), 1);
    ck_assert_uint_gt(fake_os.calls[FAKE_DISCARD], 0);
}
END_TEST

START_TEST(a_trim_that_has_nothing_to_do_makes_no_call)
{
    brkm__heap_free(heap, large_block(), "free");
    brkm_malloc_trim(0);
    unsigned discards = fake_os.calls[FAKE_DISCARD];
    unsigned lowered = fake_os.calls[FAKE_BREAK_LOWER];
    ck_assert_int_eq(brkm_malloc_trim(0), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], discards);
    ck_assert_uint_eq(fake_os.calls[FAKE_BREAK_LOWER], lowered);
}
END_TEST

static void forbid_break(void)
{
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
}

START_TEST(the_first_use_of_a_fallback_region_is_not_regretted)
{
    forbid_break();
    take_row(32 * 1024);
    take(4 * BRKM_MIB);
    ck_assert_uint_gt(heap->fallback_bytes, ROW * 32 * 1024);
    ck_assert_uint_eq(heap->purge.regretted, 0);
    give_row(8);
    ck_assert_uint_gt(brkm__footprint_totals().purged_bytes, 0);
    ck_assert_uint_le(purge_dirty(&heap->bins, &heap->top), allowed());
}
END_TEST

START_TEST(what_a_fallback_region_gave_back_is_regretted_at_each_use)
{
    forbid_break();
    struct mem_control_block *block = take(64 * PAGE);
    take(64);
    size_t regretted = 0;
    for (int round = 0; round < 3; round++) {
        give(block);
        size_t purged = purge_all();
        ck_assert_uint_ge(purged, 62 * PAGE);
        /* In two parts, the first of which leaves a rest. */
        ck_assert_ptr_eq(take(16 * PAGE), block);
        struct mem_control_block *rest = take(block_size(block_next(block)));
        regretted += purged;
        ck_assert_uint_eq(heap->purge.regretted, regretted);
        give(rest);
        give(block);
        ck_assert_ptr_eq(take(64 * PAGE), block);
    }
}
END_TEST

START_TEST(the_written_part_of_the_top_goes_back_and_is_zero_again)
{
    ck_assert(brkm__option_set(OPTION_trim_threshold, BRKM_GIB));
    take_row(32 * 1024);
    give_row(ROW + 1);
    give(row[0]);
    ck_assert_uint_eq(heap->top.trimmed, 0);
    ck_assert_uint_le(top_dirty(&heap->top), BRKM_PURGE_THRESHOLD_DEFAULT);
    unsigned char *memory = brkm_calloc(1, 8 * BRKM_MIB);
    ck_assert_ptr_nonnull(memory);
    ck_assert(unit_is_zero(memory, 8 * BRKM_MIB));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("purge");
    TCase *tests = unit_case(suite, "blocks");
    tcase_add_test(tests, whole_pages_go_back_and_the_heap_stays_sound);
    tcase_add_test(tests, a_block_is_purged_once_until_it_was_used);
    tcase_add_test(tests, a_block_without_a_whole_page_is_left_alone);
    tcase_add_test(tests, every_block_with_a_whole_page_counts);
    tcase_add_test(tests, a_purge_that_the_system_refuses_can_be_tried_again);
    tcase_add_loop_test(tests, pages_that_went_back_are_not_given_back_again_when_neighbours_join,
                        0, 2);
    tcase_add_loop_test(tests, a_block_in_use_is_never_marked_as_purged, 0, 2);
    tcase_add_test(tests, the_top_is_never_marked_as_purged);
    tcase_add_test(tests, the_rest_of_a_purged_block_stays_purged);
    TCase *policy = unit_case(suite, "policy");
    tcase_add_test(policy, what_is_freed_goes_back_without_being_asked);
    tcase_add_test(policy, the_threshold_is_an_option);
    tcase_add_test(policy, what_lies_free_beyond_what_is_regretted_goes_back);
    tcase_add_test(policy, a_program_that_cycles_its_memory_is_left_alone_and_later_shrinks);
    tcase_add_test(policy, regret_fades_from_its_own_time_on);
    tcase_add_test(policy, a_system_that_refuses_is_asked_rarely);
    tcase_add_loop_test(policy, nothing_goes_back_where_memory_is_kept, 0, 2);
    tcase_add_test(policy, a_trim_that_has_nothing_to_do_makes_no_call);
    TCase *ways = unit_case(suite, "ways");
    tcase_add_test(ways, what_a_shrinking_block_leaves_goes_back);
    tcase_add_test(ways, what_a_shrinking_block_leaves_of_the_top_goes_back);
    tcase_add_test(ways, one_free_of_much_goes_back_at_once);
    tcase_add_test(ways, a_list_that_is_freed_goes_back);
    tcase_add_test(ways, the_slack_of_an_aligned_block_goes_back);
    tcase_add_test(policy, the_first_use_of_a_fallback_region_is_not_regretted);
    tcase_add_test(policy, what_a_fallback_region_gave_back_is_regretted_at_each_use);
    tcase_add_test(policy, the_written_part_of_the_top_goes_back_and_is_zero_again);
    return suite;
}
