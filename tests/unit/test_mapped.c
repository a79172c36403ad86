/* SPDX-License-Identifier: MIT
 * mapped.h: blocks that are mappings of their own, and the table that knows them. */
#include "heap/mapped.h"

#include <string.h>

#include "kit/options.h"
#include "system/os.h"
#include "unit.h"

#define MANY 1000

/* memcheck, for which the build is made, is slow. */
#define ROUNDS (BRKM_VALGRIND ? 1000 : 10000)

/* A block must be able to hold what was asked for, aligned, zero, and known. */
static void expect_sound(void *payload, size_t size, size_t alignment)
{
    size_t usable = 0;
    ck_assert_ptr_nonnull(payload);
    ck_assert_uint_eq((uintptr_t)payload % max_size(alignment, BRKM_ALIGNMENT), 0);
    ck_assert_int_eq((int)brkm__mapped_find(payload, &usable), (int)MAPPED_IN_USE);
    ck_assert_uint_ge(usable, size);
    ck_assert(fake_os_is_accessible(block_from_payload(payload), usable + BRKM_HEADER_SIZE));
    ck_assert_int_eq((int)block_state(block_from_payload(payload)), (int)BLOCK_IN_USE);
}

static void *allocate(size_t size, size_t alignment)
{
    void *payload = brkm__mapped_allocate(size, alignment);
    expect_sound(payload, size, alignment);
    ck_assert(unit_is_zero(payload, size));
    unit_fill(payload, size, (uint32_t)size);
    return payload;
}

static size_t usable_size(const void *payload)
{
    size_t usable = 0;
    brkm__mapped_find(payload, &usable);
    return usable;
}

/* Bytes of a mapping in front of the payload and behind it. */
#define MAPPED_ENDS (BRKM_ALIGNMENT + BRKM_HEADER_SIZE)

/* ---- Allocate and free ---- */

START_TEST(a_mapped_block_takes_no_more_pages_than_it_needs)
{
    size_t page = (size_t)4096 << 2 * _i;
    fake_os_start(page, 0);
    for (size_t size = 1; size < 5 * page; size += page / 8 - 1) {
        void *payload = allocate(size, BRKM_ALIGNMENT);
        struct mapped_totals totals = brkm__mapped_totals();
        ck_assert_uint_eq(totals.count, 1);
        ck_assert_uint_eq(totals.bytes, fake_os_mapped_bytes());
        ck_assert_uint_lt(totals.bytes, size + MAPPED_ENDS + page);
        ck_assert_uint_eq(brkm__mapped_free(payload), totals.bytes - MAPPED_ENDS);
        ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
        ck_assert(!fake_os_is_accessible(payload, 1));
    }
}
END_TEST

START_TEST(every_alignment_is_kept_without_waste)
{
    for (size_t alignment = 1; alignment <= 16 * BRKM_MIB; alignment *= 2) {
        for (size_t size = 1; size < 3 * PAGE; size += PAGE - 33) {
            void *payload = allocate(size, alignment);
            ck_assert_uint_le(fake_os_mapped_bytes(), align_up(size, PAGE) + 2 * PAGE);
            brkm__mapped_free(payload);
            ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
        }
    }
}
END_TEST

START_TEST(a_block_of_no_bytes_lies_inside_its_mapping)
{
    for (size_t alignment = 1; alignment <= 16 * BRKM_MIB; alignment *= 2) {
        void *payload = brkm__mapped_allocate(0, alignment);
        expect_sound(payload, 0, alignment);
        ck_assert(fake_os_is_accessible(payload, 1));
        brkm__mapped_free(payload);
    }
}
END_TEST

START_TEST(sizes_that_overflow_are_refused)
{
    static const size_t sizes[] = {SIZE_MAX,        SIZE_MAX - 15, SIZE_MAX - 4096,
                                   (size_t)1 << 63, PTRDIFF_MAX,   PTRDIFF_MAX - 4096,
                                   100 * BRKM_GIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ck_assert_ptr_null(brkm__mapped_allocate(sizes[i], 16));
        ck_assert_ptr_null(brkm__mapped_allocate(16, power_of_two_above(sizes[i] / 4 + 1)));
    }
    ck_assert_ptr_null(brkm__mapped_allocate((size_t)1 << 62, (size_t)1 << 62));
    ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
}
END_TEST

/* ---- The table ---- */

START_TEST(what_was_never_mapped_is_unknown)
{
    uint64_t local[4];
    ck_assert_int_eq((int)brkm__mapped_find(NULL, NULL), (int)MAPPED_UNKNOWN);
    ck_assert_int_eq((int)brkm__mapped_find(local, NULL), (int)MAPPED_UNKNOWN);
    ck_assert_uint_eq(brkm__mapped_free(local), 0);
    ck_assert_ptr_null(brkm__mapped_resize(local, 100));
    unsigned char *payload = allocate(PAGE, 16);
    for (size_t offset = 1; offset < 64; offset++) {
        ck_assert_int_eq((int)brkm__mapped_find(payload + offset, NULL), (int)MAPPED_UNKNOWN);
        ck_assert_int_eq((int)brkm__mapped_find(payload - offset, NULL), (int)MAPPED_UNKNOWN);
    }
    ck_assert_int_eq((int)brkm__mapped_find(payload + PAGE, NULL), (int)MAPPED_UNKNOWN);
    ck_assert_uint_eq(brkm__mapped_free(payload + 16), 0);
    ck_assert_ptr_null(brkm__mapped_resize(payload + 16, 100));
    expect_sound(payload, PAGE, 16);
}
END_TEST

START_TEST(a_freed_block_is_remembered_as_freed)
{
    void *payload = allocate(PAGE, 16);
    brkm__mapped_free(payload);
    ck_assert_int_eq((int)brkm__mapped_find(payload, NULL), (int)MAPPED_FREED);
    ck_assert_uint_eq(brkm__mapped_free(payload), 0);
    ck_assert_ptr_null(brkm__mapped_resize(payload, 100));
    ck_assert_ptr_eq(allocate(PAGE, 16), payload);
    ck_assert_uint_eq(brkm__mapped_totals().count, 1);
}
END_TEST

START_TEST(the_table_grows_and_loses_no_block)
{
    static void *payloads[MANY];
    for (size_t i = 0; i < MANY; i++) {
        payloads[i] = allocate(100 + i, 16);
    }
    ck_assert_uint_eq(brkm__mapped_totals().count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        expect_sound(payloads[i], 100 + i, 16);
        ck_assert(unit_is_filled(payloads[i], 100 + i, (uint32_t)(100 + i)));
    }
    for (size_t i = 0; i < MANY; i += 2) {
        ck_assert_uint_ne(brkm__mapped_free(payloads[i]), 0);
    }
    for (size_t i = 0; i < MANY; i++) {
        enum mapped_lookup expected = i % 2 == 0 ? MAPPED_FREED : MAPPED_IN_USE;
        ck_assert_int_eq((int)brkm__mapped_find(payloads[i], NULL), (int)expected);
    }
    ck_assert_uint_eq(brkm__mapped_totals().count, MANY / 2);
    ck_assert_uint_eq(brkm__mapped_totals().allocations, MANY);
}
END_TEST

START_TEST(tombstones_do_not_make_the_table_grow_for_ever)
{
    fake_os.map_never_reuses = true;
    void *kept = allocate(10, 16);
    for (int i = 0; i < ROUNDS; i++) {
        void *payload = brkm__mapped_allocate(10, 16);
        ck_assert_ptr_nonnull(payload);
        ck_assert_uint_ne(brkm__mapped_free(payload), 0);
    }
    expect_sound(kept, 10, 16);
    ck_assert_uint_le(fake_os_mapped_bytes(), 4 * PAGE);
    ck_assert_uint_eq(brkm__mapped_totals().count, 1);
    ck_assert_uint_eq(brkm__mapped_totals().bytes_peak, 2 * PAGE);
}
END_TEST

START_TEST(random_use_agrees_with_a_model)
{
    static struct {
        void *payload;
        size_t size;
    } slots[200];
    uint64_t random = 4711;
    size_t count = 0;
    fake_os.map_never_reuses = _i == 1;
    for (int step = 0; step < ROUNDS / 2; step++) {
        size_t i = unit_random(&random) % 200;
        size_t size = 1 + unit_random(&random) % (5 * PAGE);
        if (slots[i].payload == NULL) {
            size_t alignment = (size_t)1 << unit_random(&random) % 15;
            slots[i].payload = allocate(size, alignment);
            slots[i].size = size;
            count++;
        } else if (unit_random(&random) % 2 == 0) {
            void *resized = brkm__mapped_resize(slots[i].payload, size);
            expect_sound(resized, size, 16);
            ck_assert(unit_is_filled(resized, min_size(min_size(size, slots[i].size), 256),
                                     (uint32_t)slots[i].size));
            unit_fill(resized, size, (uint32_t)size);
            slots[i].payload = resized;
            slots[i].size = size;
        } else {
            ck_assert(unit_is_filled(slots[i].payload, slots[i].size, (uint32_t)slots[i].size));
            ck_assert_uint_ge(brkm__mapped_free(slots[i].payload), slots[i].size);
            slots[i].payload = NULL;
            count--;
        }
        ck_assert_uint_eq(brkm__mapped_totals().count, count);
    }
}
END_TEST

/* ---- Resize ---- */

START_TEST(resize_keeps_the_contents_in_place_and_moved)
{
    static const size_t sizes[] = {1, 4000, 4080, 4081, 8000, 100000, 4 * BRKM_MIB};
    fake_os.remap_moves = _i == 1;
    for (size_t from = 0; from < 7; from++) {
        for (size_t to = 0; to < 7; to++) {
            void *payload = allocate(sizes[from], 16);
            void *blocker = allocate(1, 16);
            void *resized = brkm__mapped_resize(payload, sizes[to]);
            expect_sound(resized, sizes[to], 16);
            size_t kept = min_size(sizes[from], sizes[to]);
            ck_assert(unit_is_filled(resized, min_size(kept, 256), (uint32_t)sizes[from]));
            if (resized != payload) {
                ck_assert_int_eq((int)brkm__mapped_find(payload, NULL), (int)MAPPED_FREED);
            }
            ck_assert_uint_eq(brkm__mapped_totals().count, 2);
            brkm__mapped_free(resized);
            brkm__mapped_free(blocker);
            ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
        }
    }
}
END_TEST

START_TEST(an_aligned_block_can_be_resized)
{
    for (size_t alignment = 32; alignment <= BRKM_MIB; alignment *= 2) {
        void *payload = allocate(3 * PAGE, alignment);
        void *resized = brkm__mapped_resize(payload, 9 * PAGE);
        expect_sound(resized, 9 * PAGE, 16);
        ck_assert(unit_is_filled(resized, 256, (uint32_t)(3 * PAGE)));
        resized = brkm__mapped_resize(resized, PAGE);
        expect_sound(resized, PAGE, 16);
        brkm__mapped_free(resized);
        ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
    }
}
END_TEST

START_TEST(a_resize_that_cannot_be_leaves_the_block_alone)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, PTRDIFF_MAX, 100 * BRKM_GIB};
    void *payload = allocate(5000, 16);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_null(brkm__mapped_resize(payload, sizes[i]));
        expect_sound(payload, 5000, 16);
        ck_assert(unit_is_filled(payload, 5000, 5000));
    }
    fake_os_fail(FAKE_ONLY(FAKE_REMAP), 1, false);
    ck_assert_ptr_null(brkm__mapped_resize(payload, 50000));
    expect_sound(payload, 5000, 16);
    ck_assert(unit_is_filled(payload, 5000, 5000));
    ck_assert_uint_eq(brkm__mapped_totals().bytes, fake_os_mapped_bytes());
}
END_TEST

/* ---- Limits and failures ---- */

START_TEST(the_limit_of_mapped_blocks_is_told)
{
    ck_assert(brkm__option_set(OPTION_mapped_count_max, 3));
    void *payloads[3];
    for (size_t i = 0; i < 3; i++) {
        ck_assert(brkm__mapped_is_wanted());
        payloads[i] = allocate(10, 16);
    }
    ck_assert(!brkm__mapped_is_wanted());
    brkm__mapped_free(payloads[1]);
    ck_assert(brkm__mapped_is_wanted());
    ck_assert(brkm__option_set(OPTION_mapped_count_max, 0));
    ck_assert(!brkm__mapped_is_wanted());
}
END_TEST

/* Beyond the limit the heap serves what it can without a mapping being tried, and what it cannot is
 * mapped all the same. */
START_TEST(no_request_fails_because_of_the_limit)
{
    ck_assert(brkm__option_set(OPTION_mapped_count_max, 0));
    ck_assert_ptr_nonnull(brkm_malloc(BRKM_HEAP_REQUEST_MAX / 2));
    ck_assert_uint_eq(fake_os.calls[FAKE_MAP], 0);
    ck_assert_uint_eq(brkm__mapped_totals().count, 0);
    ck_assert_ptr_nonnull(brkm_malloc(BRKM_HEAP_REQUEST_MAX + 1));
    ck_assert_uint_eq(brkm__mapped_totals().count, 1);
}
END_TEST

START_TEST(a_failed_map_gives_no_block_and_leaks_nothing)
{
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, false);
    ck_assert_ptr_null(brkm__mapped_allocate(100, 16));
    ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
    ck_assert_uint_eq(brkm__mapped_totals().count, 0);
}
END_TEST

START_TEST(a_table_that_cannot_grow_refuses_one_block_and_loses_none)
{
    static void *payloads[MANY];
    unsigned refused = 0;
    for (size_t i = 0; i < MANY; i++) {
        size_t before = fake_os_mapped_bytes();
        fake_os_fail(FAKE_ONLY(FAKE_MAP), 2, false);
        payloads[i] = brkm__mapped_allocate(10, 16);
        bool failed = fake_os_failed() != 0;
        fake_os_fail(0, 0, false);
        ck_assert_int_eq(payloads[i] == NULL, failed);
        if (failed) {
            refused++;
            ck_assert_uint_eq(fake_os_mapped_bytes(), before);
            payloads[i] = brkm__mapped_allocate(10, 16);
        }
        for (size_t j = 0; j <= i; j += 7) {
            expect_sound(payloads[j], 10, 16);
        }
    }
    ck_assert_uint_ge(refused, 2);
}
END_TEST

START_TEST(a_failed_unmap_of_the_slack_leaves_a_larger_block)
{
    for (unsigned nth = 1; nth <= 2; nth++) {
        fake_os_fail(FAKE_ONLY(FAKE_UNMAP), nth, false);
        void *payload = allocate(5000, BRKM_MIB);
        fake_os_fail(0, 0, false);
        ck_assert_uint_eq(brkm__mapped_totals().bytes, fake_os_mapped_bytes());
        brkm__mapped_free(payload);
        ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
    }
}
END_TEST

START_TEST(a_block_that_cannot_be_unmapped_is_emptied)
{
    unsigned char *payload = allocate(5000, 16);
    fake_os_fail(FAKE_ONLY(FAKE_UNMAP), 1, false);
    ck_assert_uint_ge(brkm__mapped_free(payload), 5000);
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 1);
    ck_assert(unit_is_zero(payload, 5000));
    ck_assert_int_eq((int)brkm__mapped_find(payload, NULL), (int)MAPPED_FREED);
    ck_assert_uint_eq(brkm__mapped_totals().count, 0);
    ck_assert_uint_eq(brkm__mapped_totals().bytes, 0);
    ck_assert_ptr_ne(allocate(5000, 16), payload);
}
END_TEST

START_TEST(totals_follow_every_change)
{
    void *first = allocate(PAGE, 16);
    void *second = allocate(10 * PAGE, 16);
    ck_assert_uint_eq(brkm__mapped_totals().bytes, 13 * PAGE);
    second = brkm__mapped_resize(second, 4 * PAGE);
    ck_assert_uint_eq(brkm__mapped_totals().bytes, 7 * PAGE);
    ck_assert_uint_eq(usable_size(second), 5 * PAGE - MAPPED_ENDS);
    brkm__mapped_free(first);
    struct mapped_totals totals = brkm__mapped_totals();
    ck_assert_uint_eq(totals.bytes, 5 * PAGE);
    ck_assert_uint_eq(totals.bytes_peak, 13 * PAGE);
    ck_assert_uint_eq(totals.count, 1);
    ck_assert_uint_eq(totals.allocations, 2);
    ck_assert_uint_eq(totals.contended, 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("mapped");
    TCase *blocks = unit_case(suite, "blocks");
    tcase_add_loop_test(blocks, a_mapped_block_takes_no_more_pages_than_it_needs, 0, 3);
    tcase_add_test(blocks, every_alignment_is_kept_without_waste);
    tcase_add_test(blocks, a_block_of_no_bytes_lies_inside_its_mapping);
    tcase_add_test(blocks, sizes_that_overflow_are_refused);
    TCase *table = unit_case(suite, "table");
    tcase_add_test(table, what_was_never_mapped_is_unknown);
    tcase_add_test(table, a_freed_block_is_remembered_as_freed);
    tcase_add_test(table, the_table_grows_and_loses_no_block);
    tcase_add_test(table, tombstones_do_not_make_the_table_grow_for_ever);
    tcase_add_loop_test(table, random_use_agrees_with_a_model, 0, 2);
    tcase_add_test(table, totals_follow_every_change);
    TCase *resize = unit_case(suite, "resize");
    tcase_add_loop_test(resize, resize_keeps_the_contents_in_place_and_moved, 0, 2);
    tcase_add_test(resize, an_aligned_block_can_be_resized);
    tcase_add_test(resize, a_resize_that_cannot_be_leaves_the_block_alone);
    TCase *limits = unit_case(suite, "limits");
    tcase_add_test(limits, the_limit_of_mapped_blocks_is_told);
    tcase_add_test(limits, no_request_fails_because_of_the_limit);
    tcase_add_test(limits, a_failed_map_gives_no_block_and_leaks_nothing);
    tcase_add_test(limits, a_table_that_cannot_grow_refuses_one_block_and_loses_none);
    tcase_add_test(limits, a_failed_unmap_of_the_slack_leaves_a_larger_block);
    tcase_add_test(limits, a_block_that_cannot_be_unmapped_is_emptied);
    return suite;
}
