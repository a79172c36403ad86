/* SPDX-License-Identifier: MIT
 * size_class.h: exhaustive up to 8 MiB, and around every power of two above. */
#include "heap/size_class.h"

#include "unit.h"

#define LIMIT (8 * BRKM_MIB)

static bool is_last(unsigned bin)
{
    return bin == BRKM_BIN_COUNT - 1;
}

static void expect_bin_holds(size_t size)
{
    unsigned bin = size_class_bin(size);
    ck_assert_uint_lt(bin, BRKM_BIN_COUNT);
    ck_assert_uint_le(size_class_lower_bound(bin), size);
    ck_assert(is_last(bin) || size < size_class_lower_bound(bin + 1));
}

START_TEST(every_size_lies_within_the_bounds_of_its_bin)
{
    for (size_t size = BRKM_MIN_BLOCK; size <= LIMIT; size += BRKM_ALIGNMENT) {
        expect_bin_holds(size);
    }
    for (unsigned power = 22; power < 47; power++) {
        for (size_t part = 16; part < 32; part++) {
            size_t size = part << (power - 4);
            expect_bin_holds(size - BRKM_ALIGNMENT);
            expect_bin_holds(size);
            expect_bin_holds(size + BRKM_ALIGNMENT);
        }
    }
}
END_TEST

START_TEST(bins_rise_with_the_size_and_none_is_left_out)
{
    unsigned before = 0;
    ck_assert_uint_eq(size_class_bin(BRKM_MIN_BLOCK), 0);
    for (size_t size = BRKM_MIN_BLOCK; size <= LIMIT; size += BRKM_ALIGNMENT) {
        unsigned bin = size_class_bin(size);
        ck_assert(bin == before || bin == before + 1);
        before = bin;
    }
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        ck_assert_uint_eq(size_class_bin(size_class_lower_bound(bin)), bin);
    }
}
END_TEST

START_TEST(sizes_within_a_bin_differ_by_a_sixteenth_at_most)
{
    for (unsigned bin = 0; bin + 1 < BRKM_BIN_COUNT; bin++) {
        size_t least = size_class_lower_bound(bin);
        size_t most = size_class_lower_bound(bin + 1) - BRKM_ALIGNMENT;
        ck_assert_uint_eq(size_class_is_exact(bin), least <= BRKM_EXACT_LIMIT);
        if (size_class_is_exact(bin)) {
            ck_assert_uint_eq(least, most);
        } else {
            ck_assert_uint_le((most - least) * 16, least);
        }
    }
}
END_TEST

/* ---- Slots of the thread caches ---- */

START_TEST(a_slot_holds_every_size_up_to_its_own)
{
    for (size_t size = BRKM_MIN_BLOCK; size <= BRKM_CACHED_MAX; size += BRKM_ALIGNMENT) {
        unsigned slot = size_class_slot(size);
        ck_assert_uint_lt(slot, SIZE_CLASS_SLOTS);
        ck_assert_uint_ge(size_class_slot_size(slot), size);
        ck_assert(slot == 2 || size_class_slot_size(slot - 1) < size);
        ck_assert_uint_le((size_class_slot_size(slot) - size) * 8, size);
        if (size <= BRKM_EXACT_LIMIT) {
            ck_assert_uint_eq(size_class_slot_size(slot), size);
        }
    }
}
END_TEST

START_TEST(a_block_of_any_size_is_kept_where_it_is_large_enough)
{
    for (size_t size = BRKM_MIN_BLOCK; size <= BRKM_CACHED_MAX; size += BRKM_ALIGNMENT) {
        unsigned slot = size_class_slot_below(size);
        ck_assert_uint_lt(slot, SIZE_CLASS_SLOTS);
        ck_assert_uint_le(size_class_slot_size(slot), size);
        ck_assert(slot + 1 == SIZE_CLASS_SLOTS || size_class_slot_size(slot + 1) > size);
    }
}
END_TEST

START_TEST(a_slot_s_own_size_leads_back_to_it)
{
    for (unsigned slot = 2; slot < SIZE_CLASS_SLOTS; slot++) {
        size_t size = size_class_slot_size(slot);
        ck_assert_uint_eq(size % BRKM_ALIGNMENT, 0);
        ck_assert_uint_eq(size_class_slot(size), slot);
        ck_assert_uint_eq(size_class_slot_below(size), slot);
    }
    ck_assert_uint_eq(size_class_slot_size(SIZE_CLASS_SLOTS - 1), BRKM_CACHED_MAX);
}
END_TEST

START_TEST(a_batch_is_bounded_in_blocks_and_bytes)
{
    for (unsigned slot = 2; slot < SIZE_CLASS_SLOTS; slot++) {
        size_t size = size_class_slot_size(slot);
        unsigned batch = size_class_batch(slot);
        ck_assert_uint_ge(batch, 1);
        ck_assert_uint_le(batch, BRKM_BATCH_BLOCKS);
        ck_assert(batch == 1 || batch * size <= BRKM_BATCH_BYTES);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("size_class");
    TCase *bins = unit_case(suite, "bins");
    tcase_add_test(bins, every_size_lies_within_the_bounds_of_its_bin);
    tcase_add_test(bins, bins_rise_with_the_size_and_none_is_left_out);
    tcase_add_test(bins, sizes_within_a_bin_differ_by_a_sixteenth_at_most);
    TCase *slots = unit_case(suite, "slots");
    tcase_add_test(slots, a_slot_holds_every_size_up_to_its_own);
    tcase_add_test(slots, a_block_of_any_size_is_kept_where_it_is_large_enough);
    tcase_add_test(slots, a_slot_s_own_size_leads_back_to_it);
    tcase_add_test(slots, a_batch_is_bounded_in_blocks_and_bytes);
    return suite;
}
