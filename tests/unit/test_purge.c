/* SPDX-License-Identifier: MIT
 * purge.h: pages inside free blocks go back once; what the heap keeps in the block stays. */
#include "purge.h"

#include <string.h>

#include "heap.h"
#include "unit.h"

/* A free block of the heap that was written to all over, with blocks in use around it. */
static struct mem_control_block *free_block_of(size_t size)
{
    struct mem_control_block *blocks[3];
    for (size_t i = 0; i < 3; i++) {
        blocks[i] = brkm__heap_allocate(&brkm__main_heap, size, HEAP_MAY_GROW, NULL);
        ck_assert_ptr_nonnull(blocks[i]);
        memset(block_payload(blocks[i]), 0x77, block_usable_size(blocks[i]));
    }
    brkm__heap_free(&brkm__main_heap, blocks[1], "free");
    return blocks[1];
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

START_TEST(whole_pages_go_back_and_the_heap_stays_sound)
{
    for (size_t size = 8 * PAGE; size < 9 * PAGE; size += 48) {
        struct mem_control_block *block = free_block_of(size);
        size_t purged = brkm__purge_block(block);
        ck_assert_uint_ge(purged, block_size(block) - 2 * PAGE - 64);
        ck_assert_uint_eq(purged % PAGE, 0);
        ck_assert_uint_eq(zero_pages(block) * PAGE, purged);
        ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
        ck_assert_uint_eq(brkm__heap_allocate(&brkm__main_heap, size, HEAP_AS_IT_IS, NULL) == block,
                          true);
    }
}
END_TEST

START_TEST(a_block_is_purged_once_until_it_was_used)
{
    struct mem_control_block *block = free_block_of(8 * PAGE);
    ck_assert_uint_gt(brkm__purge_block(block), 0);
    ck_assert_uint_eq(brkm__purge_block(block), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 1);
    ck_assert_ptr_eq(brkm__heap_allocate(&brkm__main_heap, 8 * PAGE, HEAP_AS_IT_IS, NULL), block);
    brkm__heap_free(&brkm__main_heap, block, "free");
    ck_assert_uint_gt(brkm__purge_block(block), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 2);
}
END_TEST

START_TEST(a_block_without_a_whole_page_is_left_alone)
{
    struct mem_control_block *block = free_block_of(1024);
    ck_assert_uint_eq(brkm__purge_block(block), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 0);
}
END_TEST

START_TEST(a_purge_that_the_system_refuses_can_be_tried_again)
{
    struct mem_control_block *block = free_block_of(8 * PAGE);
    fake_os_fail(FAKE_ONLY(FAKE_DISCARD), 1, false);
    ck_assert_uint_eq(brkm__purge_block(block), 0);
    ck_assert_uint_gt(brkm__purge_block(block), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("purge");
    TCase *tests = unit_case(suite, "purge");
    tcase_add_test(tests, whole_pages_go_back_and_the_heap_stays_sound);
    tcase_add_test(tests, a_block_is_purged_once_until_it_was_used);
    tcase_add_test(tests, a_block_without_a_whole_page_is_left_alone);
    tcase_add_test(tests, a_purge_that_the_system_refuses_can_be_tried_again);
    return suite;
}
