/* SPDX-License-Identifier: MIT
 * rows.h: places without headers, and their records. */
#include "heap/rows.h"

#include <pthread.h>
#include <stdlib.h>

#include "cache/supply.h"
#include "heap/heap.h"
#include "kit/footprint.h"
#include "kit/options.h"
#include "unit.h"

#define KIB BRKM_KIB

/* As malloc takes and frees places. */
static void *take(size_t alignment, size_t size)
{
    void *memory = brkm__rows_take(alignment, size);
    if (memory == NULL) {
        size_t bytes = brkm__rows_next_bytes(alignment, size);
        struct mem_control_block *block =
            brkm__supply_block(block_size_for_request(bytes), alignment, NULL);
        ck_assert_ptr_nonnull(block);
        memory = brkm__rows_begin(block, alignment, size);
        ck_assert_ptr_nonnull(memory);
    }
    return memory;
}

static void give_row(struct mem_control_block *row)
{
    if (row != NULL) {
        brkm__heap_free(&brkm__main_heap, row, "free");
    }
}

static void give(void *memory)
{
    struct mem_control_block *empty;
    ck_assert(brkm__rows_free(memory, &empty));
    give_row(empty);
}

static enum row_lookup find(const void *memory)
{
    size_t size;
    return brkm__rows_find(memory, &size);
}

/* Nothing is left of any row. */
static void expect_nothing(void)
{
    give_row(brkm__rows_give_empty());
    struct row_totals totals = brkm__rows_totals();
    ck_assert_uint_eq(totals.rows, 0);
    ck_assert_uint_eq(totals.places, 0);
    ck_assert_uint_eq(totals.bytes, 0);
    ck_assert_uint_eq(totals.free_bytes, 0);
    ck_assert_uint_eq(brkm__main_heap.in_use_bytes, 0);
    ck_assert_int_eq(brkm_check_heap(), 0);
}

START_TEST(rows_are_wanted_where_a_header_costs_more_than_a_quarter)
{
    for (size_t alignment = 16; alignment <= 64 * KIB; alignment *= 2) {
        for (size_t size = 0; size <= 5 * alignment; size++) {
            size_t without = align_up(size, alignment);
            size_t with = align_up(size + BRKM_HEADER_SIZE, alignment);
            bool pays = size != 0 && alignment >= BRKM_ROW_ALIGNMENT_MIN &&
                        alignment <= BRKM_ROW_ALIGNMENT_MAX && 4 * with > 5 * without;
            ck_assert_int_eq(rows_want(alignment, size), pays);
        }
    }
}
END_TEST

#define MANY 6000

static struct kept {
    void *memory;
    size_t size;
} kept[MANY];

START_TEST(places_are_aligned_and_apart)
{
    uint64_t random = 7;
    for (unsigned i = 0; i < MANY; i++) {
        size_t alignment = BRKM_ROW_ALIGNMENT_MIN << unit_random(&random) % 5;
        size_t size = alignment * (1 + unit_random(&random) % 3) - unit_random(&random) % 8;
        kept[i] = (struct kept){take(alignment, size), size};
        ck_assert_uint_eq((uintptr_t)kept[i].memory % alignment, 0);
        unit_fill(kept[i].memory, size, i);
        if (i % 3 == 2) {
            unsigned old = unit_random(&random) % i;
            ck_assert(kept[old].memory == NULL ||
                      unit_is_filled(kept[old].memory, kept[old].size, old));
            if (kept[old].memory != NULL) {
                give(kept[old].memory);
                kept[old].memory = NULL;
            }
        }
    }
    ck_assert_int_eq(brkm_check_heap(), 0);
    for (unsigned i = 0; i < MANY; i++) {
        if (kept[i].memory != NULL) {
            ck_assert(unit_is_filled(kept[i].memory, kept[i].size, i));
            give(kept[i].memory);
        }
    }
    expect_nothing();
}
END_TEST

START_TEST(blocks_of_a_size_cost_little_more)
{
    for (size_t size = 64; size <= 16 * KIB; size *= 2) {
        size_t count = 8 * BRKM_MIB / size;
        void **memory = calloc(count, sizeof(*memory));
        for (size_t i = 0; i < count; i++) {
            memory[i] = take(size, size);
        }
        struct row_totals totals = brkm__rows_totals();
        ck_assert_uint_eq(totals.places, count);
        ck_assert_uint_eq(totals.bytes, count * size);
        ck_assert_uint_le(brkm__main_heap.in_use_bytes + totals.own_bytes,
                          count * size + count * size / 10 + BRKM_MIB);
        for (size_t i = 0; i < count; i++) {
            give(memory[i]);
        }
        free(memory);
        expect_nothing();
    }
}
END_TEST

START_TEST(any_address_can_be_judged)
{
    char *first = take(256, 700);
    char *second = take(256, 700);
    size_t size = 0;
    ck_assert_int_eq(brkm__rows_find(first, &size), ROW_IN_USE);
    ck_assert_uint_eq(size, 768);
    ck_assert_ptr_eq(second, first + 768);
    ck_assert_int_eq(find(first + 16), ROW_INSIDE);
    ck_assert_int_eq(find(first + 767), ROW_INSIDE);
    ck_assert_int_eq(find(first + 2 * 768), ROW_FREED);
    ck_assert_int_eq(find(first - 1), ROW_UNKNOWN);
    ck_assert_int_eq(find(first + BRKM_ROW_PLACES_MIN * 768), ROW_UNKNOWN);
    ck_assert_int_eq(find(NULL), ROW_UNKNOWN);
    ck_assert_int_eq(find((void *)UINTPTR_MAX), ROW_UNKNOWN);
    give(second);
    ck_assert_int_eq(find(second), ROW_FREED);
    struct mem_control_block *empty;
    ck_assert(!brkm__rows_free(second, &empty));
    give(first);
    expect_nothing();
    ck_assert_int_eq(find(first), ROW_UNKNOWN);
    ck_assert(!brkm__rows_free(first, &empty));
}
END_TEST

START_TEST(what_was_written_over_at_the_borders_is_seen)
{
    char *places[BRKM_ROW_PLACES_MIN];
    for (size_t i = 0; i < BRKM_ROW_PLACES_MIN; i++) {
        places[i] = take(128, 128);
    }
    char *last = places[BRKM_ROW_PLACES_MIN - 1];
    for (size_t at = 0; at < BRKM_HEADER_SIZE; at++) {
        bool is_flags = at == offsetof(struct mem_control_block, flags);
        char was = places[0][-8 + (int)at];
        places[0][-8 + (int)at] ^= is_flags ? 1 : 0x11;
        ck_assert_int_eq(find(places[0]), ROW_UNDERRUN);
        ck_assert_int_eq(find(places[1]), ROW_IN_USE);
        places[0][-8 + (int)at] = was;
    }
    ck_assert_int_eq(find(last), ROW_IN_USE);
    last[128 + BRKM_HEADER_SIZE] ^= 1;
    ck_assert_int_eq(find(last), ROW_OVERRUN);
    ck_assert_int_eq(find(places[0]), ROW_IN_USE);
}
END_TEST

START_TEST(one_empty_row_is_kept)
{
    void *memory[3 * BRKM_ROW_PLACES_MIN];
    size_t count = sizeof(memory) / sizeof(memory[0]);
    for (size_t i = 0; i < count; i++) {
        memory[i] = take(64, 64);
    }
    ck_assert_uint_gt(brkm__rows_totals().rows, 1);
    for (size_t i = 0; i < count; i++) {
        give(memory[i]);
    }
    ck_assert_uint_eq(brkm__rows_totals().rows, 1);
    size_t in_use = brkm__main_heap.in_use_bytes;
    give(take(64, 64));
    ck_assert_uint_eq(brkm__main_heap.in_use_bytes, in_use);
    struct mem_control_block *row = brkm__rows_give_empty();
    ck_assert_ptr_nonnull(row);
    ck_assert(block_is(row, BLOCK_IN_USE));
    ck_assert_ptr_null(brkm__rows_give_empty());
    give_row(row);
    expect_nothing();
}
END_TEST

/* Takes 16 MiB of places of `size` bytes and frees all but one in 64. Returns the bytes of pages
 * that went back meanwhile. */
static uint64_t thin_out(size_t size)
{
    size_t count = 16 * BRKM_MIB / size;
    void **memory = calloc(count, sizeof(*memory));
    for (size_t i = 0; i < count; i++) {
        memory[i] = take(size, size);
        unit_fill(memory[i], size, (uint32_t)i);
    }
    uint64_t before = brkm__footprint_totals().purged_bytes;
    for (size_t i = 0; i < count; i++) {
        if (i % 64 != 0) {
            give(memory[i]);
        }
    }
    uint64_t purged = brkm__footprint_totals().purged_bytes - before;
    for (size_t i = 0; i < count; i += 64) {
        ck_assert(unit_is_filled(memory[i], size, (uint32_t)i));
        give(memory[i]);
    }
    free(memory);
    expect_nothing();
    return purged;
}

START_TEST(pages_of_free_places_go_back)
{
    ck_assert_uint_ge(thin_out(4 * KIB), 13 * BRKM_MIB);
    ck_assert_uint_ge(thin_out(8 * KIB), 13 * BRKM_MIB);
    ck_assert_uint_ge(thin_out(512), 10 * BRKM_MIB);
}
END_TEST

START_TEST(pages_stay_where_an_option_says_so_or_the_system_refuses)
{
    brkm_option_set("keep_memory", 1);
    ck_assert_uint_eq(thin_out(4 * KIB), 0);
    brkm_option_set("keep_memory", 0);
    fake_os_fail(FAKE_ONLY(FAKE_DISCARD), 1, true);
    ck_assert_uint_eq(thin_out(4 * KIB), 0);
    ck_assert_uint_le(fake_os_failed(), 16 * BRKM_MIB / (4 * KIB) / 64);
}
END_TEST

START_TEST(records_that_cannot_be_had_leave_the_block)
{
    struct mem_control_block *block = brkm__supply_block(block_size_for_request(4096), 64, NULL);
    fake_os_fail(FAKE_GIVERS, 1, true);
    ck_assert_ptr_null(brkm__rows_begin(block, 64, 64));
    fake_os_fail(0, 0, false);
    ck_assert(block_is(block, BLOCK_IN_USE));
    give_row(block);
    expect_nothing();
}
END_TEST

START_TEST(lists_and_counts_are_made_anew)
{
    void *memory[200];
    for (size_t i = 0; i < 200; i++) {
        memory[i] = take(64 << i % 4, 64 << i % 4);
    }
    for (size_t i = 0; i < 200; i += 3) {
        give(memory[i]);
    }
    struct row_totals before = brkm__rows_totals();
    brkm__rows_settle();
    struct row_totals after = brkm__rows_totals();
    ck_assert_mem_eq(&after, &before, sizeof(before));
    for (size_t i = 0; i < 200; i++) {
        if (i % 3 == 0) {
            memory[i] = take(64 << i % 4, 64 << i % 4);
        }
    }
    ck_assert_uint_eq(brkm__rows_totals().rows, before.rows);
    for (size_t i = 0; i < 200; i++) {
        give(memory[i]);
    }
    expect_nothing();
}
END_TEST

#define THREADS 4
#define EXCHANGED 256

/* Places that threads hand on to each other: taken and put by exchange. */
static void *exchanged[EXCHANGED];

static void *exchange(void *number)
{
    uint64_t random = (uintptr_t)number + 1;
    for (unsigned i = 0; i < 20000; i++) {
        size_t alignment = (size_t)64 << unit_random(&random) % 7;
        unsigned char *mine = take(alignment, alignment);
        mine[0] = mine[alignment - 1] = 0x5a;
        unsigned char *other = __atomic_exchange_n(&exchanged[unit_random(&random) % EXCHANGED],
                                                   mine, __ATOMIC_ACQ_REL);
        if (other != NULL) {
            ck_assert_uint_eq(other[0], 0x5a);
            give(other);
        }
    }
    return NULL;
}

START_TEST(threads_free_each_other_s)
{
    pthread_t threads[THREADS];
    fake_os_set_threads(true);
    for (uintptr_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, exchange, (void *)i), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < EXCHANGED; i++) {
        if (exchanged[i] != NULL) {
            give(exchanged[i]);
        }
    }
    expect_nothing();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("rows");
    TCase *one = unit_case(suite, "one thread");
    tcase_add_test(one, rows_are_wanted_where_a_header_costs_more_than_a_quarter);
    tcase_add_test(one, places_are_aligned_and_apart);
    tcase_add_test(one, blocks_of_a_size_cost_little_more);
    tcase_add_test(one, any_address_can_be_judged);
    tcase_add_test(one, what_was_written_over_at_the_borders_is_seen);
    tcase_add_test(one, one_empty_row_is_kept);
    tcase_add_test(one, pages_of_free_places_go_back);
    tcase_add_test(one, pages_stay_where_an_option_says_so_or_the_system_refuses);
    tcase_add_test(one, records_that_cannot_be_had_leave_the_block);
    tcase_add_test(one, lists_and_counts_are_made_anew);
    TCase *several = unit_case(suite, "several threads");
    tcase_add_test(several, threads_free_each_other_s);
    return suite;
}
