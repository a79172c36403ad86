/* SPDX-License-Identifier: MIT
 * check.c: the walker names each kind of damage, and nothing where there is none. */
#include <string.h>

#include "heap/heap.h"
#include "heap/regions.h"
#include "heap/size_class.h"
#include "unit.h"

static struct heap *const heap = &brkm__main_heap;

/* in use | free | in use | free | in use | top */
static struct mem_control_block *row[5];

static void lay_row(void)
{
    for (size_t i = 0; i < 5; i++) {
        row[i] = brkm__heap_allocate(heap, 4096, HEAP_MAY_GROW, NULL);
    }
    brkm__heap_free(heap, row[1], "free");
    brkm__heap_free(heap, row[3], "free");
    ck_assert_int_eq(brkm_check_heap(), 0);
    ck_assert_str_eq(fake_os_text(), "");
}

static void expect_violation(const char *invariant)
{
    ck_assert_int_gt(brkm_check_heap(), 0);
    ck_assert_msg(unit_said(invariant), "%s", fake_os_text());
    ck_assert(strncmp(fake_os_text(), "brkmalloc: heap check: I", 24) == 0);
}

START_TEST(an_untouched_heap_is_sound)
{
    ck_assert_int_eq(brkm_check_heap(), 0);
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(a_damaged_header_is_named)
{
    lay_row();
    row[_i]->seal ^= 0x100;
    expect_violation("I5: every header has its seal");
}
END_TEST

START_TEST(a_block_longer_than_its_region_is_named)
{
    lay_row();
    block_set(row[4], BRKM_MIB, BLOCK_IN_USE);
    expect_violation("I1: blocks tile the region");
}
END_TEST

START_TEST(a_block_without_a_size_is_named)
{
    lay_row();
    struct mem_control_block *end = block_next(row[2]);
    block_set(row[2], 16, BLOCK_IN_USE);
    block_create(block_next(row[2]), (size_t)((char *)end - (char *)block_next(row[2])),
                 BLOCK_IN_USE);
    expect_violation("I1: a block has the least size");
}
END_TEST

START_TEST(free_neighbours_are_named)
{
    lay_row();
    block_make_free(row[2], block_size(row[2]), 0);
    expect_violation("I2: no two free blocks are neighbours");
}
END_TEST

START_TEST(a_free_block_at_the_top_is_named)
{
    lay_row();
    block_make_free(row[4], block_size(row[4]), 0);
    expect_violation("I2: no free block borders the top");
}
END_TEST

START_TEST(a_wrong_boundary_tag_is_named)
{
    lay_row();
    *block_boundary_tag_before(row[2]) -= BRKM_ALIGNMENT;
    expect_violation("I3: the boundary tag is the size");
}
END_TEST

START_TEST(a_wrong_flag_is_named)
{
    lay_row();
    block_change_flag(row[_i], BLOCK_FLAG_PREVIOUS_FREE, _i != 2 && _i != 4);
    expect_violation("I3: the flag tells whether the previous block is free");
}
END_TEST

START_TEST(a_wrong_end_of_a_region_is_named)
{
    lay_row();
    if (_i == 0) {
        block_set(heap->top.block, 0, BLOCK_FENCEPOST);
    } else {
        heap->top.region = brkm__regions_add(REGION_FALLBACK, (uintptr_t)1 << 44,
                                             ((uintptr_t)1 << 44) + PAGE, row[0]);
        brkm__regions_remove(heap->top.region);
    }
    expect_violation("I4: a region ends with its fencepost or the top");
}
END_TEST

START_TEST(a_free_block_in_a_wrong_bin_is_named)
{
    lay_row();
    unsigned bin = size_class_bin(4096);
    heap->bins.heads[bin + 1] = heap->bins.heads[bin];
    heap->bins.heads[bin] = NULL;
    expect_violation("I6: a free block is in the bin of its size");
    ck_assert(unit_said("I7: the bin map marks the bins that are not empty"));
}
END_TEST

START_TEST(a_block_in_use_on_a_list_is_named)
{
    lay_row();
    struct free_block *head = heap->bins.heads[size_class_bin(4096)];
    head->next = _i == 0 ? (struct free_block *)row[2] : (struct free_block *)16;
    expect_violation("I6: a list holds free blocks only");
}
END_TEST

START_TEST(a_free_block_on_no_list_is_named)
{
    lay_row();
    brkm__bins_remove(&heap->bins, row[1], block_size(row[1]));
    expect_violation("I6: each free block is in a list once");
    ck_assert(unit_said("I8: the bins' counters are true"));
}
END_TEST

START_TEST(a_link_that_does_not_lead_back_is_named)
{
    lay_row();
    heap->bins.heads[size_class_bin(4096)]->next->previous = NULL;
    expect_violation("I6: links lead back");
}
END_TEST

START_TEST(a_ring_of_links_ends_the_walk_and_is_named)
{
    lay_row();
    struct free_block *head = heap->bins.heads[size_class_bin(4096)];
    head->next->next = _i == 0 ? head : head->next;
    expect_violation("I6: ");
}
END_TEST

START_TEST(a_wrong_bit_of_the_bin_map_is_named)
{
    lay_row();
    unsigned bin = (unsigned)_i % BRKM_BIN_COUNT;
    heap->bins.words[bin / BINS_WORD_BITS] ^= (uint64_t)1 << bin % BINS_WORD_BITS;
    expect_violation("I7: the bin map marks the bins that are not empty");
}
END_TEST

START_TEST(a_wrong_bit_of_the_summary_is_named)
{
    lay_row();
    heap->bins.summary ^= (uint32_t)1 << _i;
    expect_violation("I7: the summary marks the words that are not 0");
}
END_TEST

START_TEST(wrong_counters_are_named)
{
    lay_row();
    const char *words =
        _i < 2 ? "I8: the bins' counters are true" : "I8: the heaps' counters are true";
    heap->bins.blocks += _i == 0;
    heap->bins.bytes += _i == 1;
    heap->in_use_blocks += _i == 2;
    heap->in_use_bytes += _i == 3;
    expect_violation(words);
    ck_assert_int_eq(brkm_check_heap(), 1);
}
END_TEST

START_TEST(a_block_in_use_whose_pages_were_given_back_is_named)
{
    lay_row();
    struct mem_control_block *const blocks[] = {row[0], row[2], heap->top.block};
    block_change_flag(blocks[_i], BLOCK_FLAG_PURGED, true);
    expect_violation("I10: only of free blocks pages were given back");
    ck_assert_int_eq(brkm_check_heap(), 1);
}
END_TEST

START_TEST(pages_given_back_outside_of_their_block_are_named)
{
    struct mem_control_block *block = brkm__heap_allocate(heap, 4 * PAGE, HEAP_MAY_GROW, NULL);
    brkm__heap_allocate(heap, 64, HEAP_MAY_GROW, NULL);
    brkm__heap_free(heap, block, "free");
    struct page_range clean = block_inner_pages(block, block_size(block), PAGE);
    brkm__bins_note_purged(&heap->bins, block, block_size(block), clean);
    ck_assert_int_eq(brkm_check_heap(), 0);
    clean.start -= _i == 0 ? PAGE : 0;
    clean.end += _i == 1 ? PAGE : 0;
    block_set_clean_pages(block, clean);
    expect_violation("I10: the pages that were given back lie inside");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("check");
    TCase *walk = unit_case(suite, "walk");
    tcase_add_test(walk, an_untouched_heap_is_sound);
    tcase_add_loop_test(walk, a_damaged_header_is_named, 0, 5);
    tcase_add_test(walk, a_block_longer_than_its_region_is_named);
    tcase_add_test(walk, a_block_without_a_size_is_named);
    tcase_add_test(walk, free_neighbours_are_named);
    tcase_add_test(walk, a_free_block_at_the_top_is_named);
    tcase_add_loop_test(walk, a_block_in_use_whose_pages_were_given_back_is_named, 0, 3);
    tcase_add_loop_test(walk, pages_given_back_outside_of_their_block_are_named, 0, 2);
    tcase_add_test(walk, a_wrong_boundary_tag_is_named);
    tcase_add_loop_test(walk, a_wrong_flag_is_named, 0, 5);
    tcase_add_loop_test(walk, a_wrong_end_of_a_region_is_named, 0, 2);
    tcase_add_test(walk, a_free_block_in_a_wrong_bin_is_named);
    tcase_add_loop_test(walk, a_block_in_use_on_a_list_is_named, 0, 2);
    tcase_add_test(walk, a_free_block_on_no_list_is_named);
    tcase_add_test(walk, a_link_that_does_not_lead_back_is_named);
    tcase_add_loop_test(walk, a_ring_of_links_ends_the_walk_and_is_named, 0, 2);
    tcase_add_loop_test(walk, a_wrong_bit_of_the_bin_map_is_named, 0, 140);
    tcase_add_loop_test(walk, a_wrong_bit_of_the_summary_is_named, 0, BINS_WORDS);
    tcase_add_loop_test(walk, wrong_counters_are_named, 0, 4);
    return suite;
}
