/* SPDX-License-Identifier: MIT
 * heap.h: split, coalesce, resize in place, aligned blocks, fallback regions, damage. The heap is
 * walked after each step. */
#include "heap/heap.h"

#include <string.h>

#include "heap/regions.h"
#include "kit/options.h"
#include "system/os.h"
#include "unit.h"

static struct heap *const heap = &brkm__main_heap;

static void expect_sound(void)
{
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}

static struct mem_control_block *take(size_t size)
{
    struct mem_control_block *block = brkm__heap_allocate(heap, size, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_eq((int)block_state(block), (int)BLOCK_IN_USE);
    ck_assert_uint_ge(block_size(block), size);
    ck_assert_uint_lt(block_size(block), size + BRKM_MIN_BLOCK);
    expect_sound();
    unit_fill(block_payload(block), block_usable_size(block), (uint32_t)(uintptr_t)block);
    return block;
}

static struct mem_control_block *take_aligned(size_t size, size_t alignment)
{
    struct mem_control_block *block =
        brkm__heap_allocate_aligned(heap, size, alignment, HEAP_MAY_GROW);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block_payload(block) % alignment, 0);
    ck_assert_uint_ge(block_size(block), size);
    ck_assert_uint_lt(block_size(block), size + BRKM_MIN_BLOCK);
    expect_sound();
    unit_fill(block_payload(block), block_usable_size(block), (uint32_t)(uintptr_t)block);
    return block;
}

static void expect_filled(const struct mem_control_block *block, size_t size)
{
    ck_assert(unit_is_filled(block_payload(block), size, (uint32_t)(uintptr_t)block));
}

static void give(struct mem_control_block *block)
{
    expect_filled(block, block_usable_size(block));
    brkm__heap_free(heap, block, "free");
    expect_sound();
}

static bool resize(struct mem_control_block *block, size_t size)
{
    bool resized = brkm__heap_resize(heap, block, size, "realloc");
    expect_sound();
    return resized;
}

/* Three neighbours of `size` bytes and a block behind them that stays in use. */
static void take_row(struct mem_control_block *row[4], size_t size)
{
    for (size_t i = 0; i < 4; i++) {
        row[i] = take(size);
        ck_assert(i == 0 || row[i] == block_next(row[i - 1]));
    }
}

/* ---- Allocate, split, coalesce ---- */

START_TEST(blocks_of_a_fresh_heap_are_neighbours)
{
    struct mem_control_block *row[4];
    take_row(row, 64);
    ck_assert_uint_eq(heap->in_use_blocks, 4);
    ck_assert_uint_eq(heap->in_use_bytes, 256);
    ck_assert_uint_eq(heap->allocations, 4);
    ck_assert_uint_eq(fake_os.calls[FAKE_BREAK_RAISE], 1);
}
END_TEST

START_TEST(nothing_is_taken_from_the_system_unless_that_is_allowed)
{
    ck_assert_ptr_null(brkm__heap_allocate(heap, 64, HEAP_AS_IT_IS, NULL));
    ck_assert_ptr_null(brkm__heap_allocate_aligned(heap, 64, 64, HEAP_AS_IT_IS));
    ck_assert_uint_eq(fake_os.calls[FAKE_BREAK_RAISE], 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_MAP], 0);
    take(64);
    ck_assert_ptr_nonnull(brkm__heap_allocate(heap, 64, HEAP_AS_IT_IS, NULL));
    ck_assert_ptr_null(brkm__heap_allocate(heap, 100 * BRKM_MIB, HEAP_AS_IT_IS, NULL));
    expect_sound();
}
END_TEST

START_TEST(neighbours_coalesce_in_every_order)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct mem_control_block *row[4];
    take_row(row, 64 + 16 * (size_t)(_i / 6));
    size_t size = block_size(row[0]);
    for (size_t i = 0; i < 3; i++) {
        give(row[orders[_i % 6][i]]);
    }
    ck_assert_uint_eq(heap->bins.blocks, 1);
    ck_assert_uint_eq(heap->bins.bytes, 3 * size);
    ck_assert_int_eq((int)block_state(row[0]), (int)BLOCK_FREE);
    ck_assert_uint_eq(block_size(row[0]), 3 * size);
    ck_assert(block_has_flag(row[3], BLOCK_FLAG_PREVIOUS_FREE));
    ck_assert_ptr_eq(take(3 * size), row[0]);
    ck_assert(!block_has_flag(row[3], BLOCK_FLAG_PREVIOUS_FREE));
    ck_assert_uint_eq(heap->bins.blocks, 0);
}
END_TEST

START_TEST(blocks_in_use_between_free_ones_keep_them_apart)
{
    struct mem_control_block *row[4];
    take_row(row, 64);
    give(row[0]);
    give(row[2]);
    ck_assert_uint_eq(heap->bins.blocks, 2);
    ck_assert_ptr_eq(take(64), row[0]);
    ck_assert_ptr_eq(take(64), row[2]);
}
END_TEST

START_TEST(what_borders_the_top_goes_into_the_top)
{
    struct mem_control_block *row[4];
    ck_assert(brkm__option_set(OPTION_trim_threshold, BRKM_GIB));
    take_row(row, 64);
    size_t available = brkm__top_available(&heap->top);
    give(row[2]);
    give(row[3]);
    ck_assert_ptr_eq(heap->top.block, row[2]);
    ck_assert_uint_eq(brkm__top_available(&heap->top), available + 128);
    ck_assert_uint_eq(heap->bins.blocks, 0);
    give(row[0]);
    give(row[1]);
    ck_assert_ptr_eq(heap->top.block, row[0]);
    ck_assert_uint_eq(heap->in_use_blocks, 0);
    ck_assert_uint_eq(heap->in_use_bytes, 0);
    ck_assert_uint_eq(heap->in_use_peak, 256);
    ck_assert_uint_eq(heap->frees, 4);
}
END_TEST

START_TEST(a_larger_free_block_is_split_and_the_rest_is_kept)
{
    struct mem_control_block *large = take(4096);
    struct mem_control_block *guard = take(64);
    give(large);
    for (size_t size = BRKM_MIN_BLOCK; size <= 4096; size += BRKM_ALIGNMENT) {
        struct mem_control_block *block = take(size);
        size_t rest = 4096 - size;
        ck_assert_ptr_eq(block, large);
        if (rest < BRKM_MIN_BLOCK) {
            ck_assert_uint_eq(block_size(block), 4096);
            ck_assert_uint_eq(heap->bins.blocks, 0);
        } else {
            ck_assert_uint_eq(block_size(block), size);
            ck_assert_uint_eq(heap->bins.bytes, rest);
            ck_assert(block_has_flag(guard, BLOCK_FLAG_PREVIOUS_FREE));
        }
        give(block);
        ck_assert_uint_eq(heap->bins.bytes, 4096);
    }
}
END_TEST

START_TEST(growth_is_geometric)
{
    size_t asked = 0;
    while (heap->top.from_system < 64 * BRKM_MIB) {
        ck_assert_ptr_nonnull(brkm__heap_allocate(heap, 4096, HEAP_MAY_GROW, NULL));
        asked += 4096;
    }
    ck_assert_uint_le(fake_os.calls[FAKE_BREAK_RAISE], 60);
    ck_assert_uint_le(heap->top.from_system, asked + asked / 7 + BRKM_GROW_MIN + 2 * PAGE);
    expect_sound();
}
END_TEST

START_TEST(zero_bytes_are_told_and_are_zero)
{
    size_t dirty = 0;
    struct mem_control_block *block = brkm__heap_allocate(heap, 8192, HEAP_MAY_GROW, &dirty);
    ck_assert_uint_le(dirty, PAGE);
    ck_assert(unit_is_zero(block_payload(block), block_usable_size(block)));
    memset(block_payload(block), 1, block_usable_size(block));
    take(64);
    brkm__heap_free(heap, block, "free");
    struct mem_control_block *again = brkm__heap_allocate(heap, 8192, HEAP_MAY_GROW, &dirty);
    ck_assert_ptr_eq(again, block);
    ck_assert_uint_ge(dirty, block_usable_size(block));
}
END_TEST

/* Takes the blocks of a list in use; returns how many there are. */
static size_t use_all(struct cached_list list, struct mem_control_block **blocks)
{
    size_t count = list.count;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = cached_list_pop(&list);
        ck_assert_int_eq((int)block_state(blocks[i]), (int)BLOCK_CACHED);
        block_set_state(blocks[i], BLOCK_IN_USE);
    }
    ck_assert_ptr_eq(list.first, CACHED_END);
    return count;
}

static size_t take_list(size_t size, unsigned count, enum heap_growth growth,
                        struct mem_control_block **blocks)
{
    return use_all(brkm__heap_allocate_list(heap, size, count, BRKM_ALIGNMENT, growth), blocks);
}

START_TEST(a_list_is_a_row_of_neighbours)
{
    struct mem_control_block *blocks[32];
    size_t size = 48 + 16 * (size_t)_i;
    ck_assert_uint_eq(take_list(size, 32, HEAP_MAY_GROW, blocks), 32);
    expect_sound();
    for (size_t i = 0; i < 32; i++) {
        ck_assert_uint_eq(block_size(blocks[i]), size);
        ck_assert(i == 0 || blocks[i] == block_next(blocks[i - 1]));
    }
    ck_assert_uint_eq(heap->in_use_blocks, 32);
    ck_assert_uint_eq(heap->in_use_bytes, 32 * size);
    for (size_t i = 0; i < 32; i += 3) {
        brkm__heap_free(heap, blocks[i], "free");
    }
    struct cached_list more =
        brkm__heap_allocate_list(heap, size, 64, BRKM_ALIGNMENT, HEAP_AS_IT_IS);
    ck_assert_uint_eq(more.count, 64);
    expect_sound();
    for (const struct cached_block *block = more.first; block != CACHED_END; block = block->next) {
        size_t got = block_size(block_from_payload(block));
        ck_assert_uint_ge(got, size);
        ck_assert_uint_lt(got, size + BRKM_MIN_BLOCK);
    }
    brkm__heap_free_list(heap, more);
    expect_sound();
    ck_assert_uint_eq(heap->in_use_blocks, 32 - 11);
}
END_TEST

START_TEST(a_list_takes_what_free_blocks_there_are)
{
    struct mem_control_block *row[4];
    take_row(row, 320);
    give(row[1]);
    size_t top = brkm__top_available(&heap->top);
    ck_assert_ptr_nonnull(brkm__heap_allocate(heap, top, HEAP_AS_IT_IS, NULL));
    struct mem_control_block *blocks[32];
    ck_assert_uint_eq(take_list(96, 32, HEAP_AS_IT_IS, blocks), 3);
    expect_sound();
    ck_assert_ptr_eq(blocks[0], row[1]);
    ck_assert_uint_eq(heap->bins.bytes, 32);
    ck_assert_uint_eq(take_list(96, 32, HEAP_AS_IT_IS, blocks), 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_BREAK_RAISE], 1);
}
END_TEST

START_TEST(an_aligned_list_is_one_row)
{
    struct mem_control_block *blocks[16];
    size_t alignment = (size_t)32 << _i;
    take(48);
    struct cached_list list =
        brkm__heap_allocate_list(heap, 2 * alignment, 16, alignment, HEAP_MAY_GROW);
    ck_assert_uint_eq(use_all(list, blocks), 16);
    expect_sound();
    for (size_t i = 0; i < 16; i++) {
        ck_assert_uint_eq((uintptr_t)block_payload(blocks[i]) % alignment, 0);
        ck_assert_uint_eq((uintptr_t)blocks[i] - (uintptr_t)blocks[0], i * 2 * alignment);
        brkm__heap_free(heap, blocks[i], "free");
    }
    expect_sound();
}
END_TEST

/* ---- Aligned blocks ---- */

START_TEST(aligned_blocks_give_their_slack_back)
{
    for (size_t alignment = 32; alignment <= BRKM_MIB; alignment *= 2) {
        for (size_t size = 32; size < 3000; size += 528) {
            size_t before = heap->in_use_bytes;
            struct mem_control_block *pad = take(32 + size % 112);
            struct mem_control_block *block = take_aligned(size, alignment);
            ck_assert_uint_eq(heap->in_use_bytes, before + block_size(pad) + block_size(block));
            give(pad);
            give(block);
            ck_assert_uint_eq(heap->in_use_bytes, before);
        }
    }
    ck_assert_uint_eq(heap->bins.blocks, 0);
}
END_TEST

START_TEST(aligned_blocks_fit_between_others)
{
    struct mem_control_block *large = take(64 * PAGE);
    take(64);
    give(large);
    struct mem_control_block *block = take_aligned(1008, 8 * PAGE);
    ck_assert_uint_gt((uintptr_t)block, (uintptr_t)large);
    ck_assert_uint_lt((uintptr_t)block, (uintptr_t)large + 64 * PAGE);
    ck_assert_uint_eq(heap->bins.blocks, 2);
    give(block);
    ck_assert_uint_eq(heap->bins.blocks, 1);
    ck_assert_uint_eq(heap->bins.bytes, 64 * PAGE);
}
END_TEST

/* ---- Resize ---- */

START_TEST(shrinking_frees_the_rest_unless_it_is_too_small)
{
    struct mem_control_block *block = take(1024);
    struct mem_control_block *guard = take(64);
    ck_assert(resize(block, 1008));
    ck_assert_uint_eq(block_size(block), 1024);
    ck_assert(resize(block, 992));
    ck_assert_uint_eq(block_size(block), 992);
    ck_assert_uint_eq(heap->bins.bytes, 32);
    ck_assert(resize(block, 64));
    ck_assert_uint_eq(block_size(block), 64);
    ck_assert_uint_eq(heap->bins.blocks, 1);
    ck_assert_uint_eq(heap->bins.bytes, 960);
    ck_assert(block_has_flag(guard, BLOCK_FLAG_PREVIOUS_FREE));
    ck_assert_uint_eq(heap->in_use_bytes, 128);
    expect_filled(block, block_usable_size(block));
}
END_TEST

START_TEST(growing_takes_a_free_neighbour_whole_or_in_part)
{
    for (size_t size = 80; size <= 512; size += 16) {
        struct mem_control_block *row[4];
        take_row(row, 256);
        ck_assert(resize(row[0], 64));
        give(row[1]);
        ck_assert(resize(row[0], size));
        ck_assert_uint_ge(block_size(row[0]), size);
        ck_assert_uint_le(block_size(row[0]), size + BRKM_ALIGNMENT);
        ck_assert_ptr_eq(block_at_offset(row[0], 512), row[2]);
        ck_assert_uint_eq(heap->bins.bytes, 512 - block_size(row[0]));
        expect_filled(row[0], 56);
        ck_assert(!resize(row[0], 512 + 16));
        ck_assert_uint_ge(block_size(row[0]), size);
        unit_fill(block_payload(row[0]), block_usable_size(row[0]), (uint32_t)(uintptr_t)row[0]);
        give(row[3]);
        give(row[2]);
        give(row[0]);
        ck_assert_uint_eq(heap->in_use_blocks, 0);
    }
}
END_TEST

START_TEST(growing_into_a_block_in_use_is_refused)
{
    struct mem_control_block *row[4];
    take_row(row, 64);
    ck_assert(!resize(row[1], 80));
    ck_assert_uint_eq(block_size(row[1]), 64);
    expect_filled(row[0], 56);
    expect_filled(row[2], 56);
    ck_assert_uint_eq(heap->in_use_bytes, 256);
}
END_TEST

START_TEST(growing_takes_from_the_top_and_grows_it)
{
    struct mem_control_block *block = take(64);
    for (size_t size = 80; size < 4 * BRKM_MIB; size += size / 2 / 16 * 16) {
        ck_assert(resize(block, size));
        ck_assert_uint_ge(block_size(block), size);
        ck_assert_uint_le(block_size(block), size + BRKM_ALIGNMENT);
        ck_assert_ptr_eq(block_next(block), heap->top.block);
        expect_filled(block, 56);
    }
    ck_assert_uint_eq(heap->in_use_bytes, block_size(block));
    ck_assert_uint_eq(heap->in_use_blocks, 1);
}
END_TEST

START_TEST(growing_at_the_top_fails_whole_when_the_system_refuses)
{
    struct mem_control_block *block = take(64);
    fake_os_fail(FAKE_GIVERS, 1, true);
    ck_assert(!resize(block, 100 * BRKM_MIB));
    ck_assert_uint_eq(block_size(block), 64);
    fake_os_fail(0, 0, false);
    fake_os_foreign_sbrk(100);
    ck_assert(!resize(block, 100 * BRKM_MIB));
    ck_assert_uint_eq(block_size(block), 64);
    expect_filled(block, 56);
    ck_assert(fake_os_foreign_is_intact());
}
END_TEST

/* No address inside of a resized block may pass for a block. */
START_TEST(no_header_in_use_stays_inside_a_payload)
{
    struct mem_control_block *row[4];
    take_row(row, 128);
    give(row[1]);
    give(row[3]);
    ck_assert(resize(row[2], 1024));
    ck_assert(resize(row[0], 256));
    for (size_t i = 0; i <= 2; i += 2) {
        for (size_t offset = 16; offset < block_size(row[i]); offset += 16) {
            ck_assert_int_ne((int)block_state(block_at_offset(row[i], offset)), (int)BLOCK_IN_USE);
        }
    }
}
END_TEST

/* ---- Foreign break ---- */

START_TEST(the_rest_before_a_foreign_break_is_used)
{
    struct mem_control_block *block = take(64);
    size_t available = brkm__top_available(&heap->top);
    fake_os_foreign_sbrk(100);
    struct mem_control_block *far = take(align_down(available, 16) + 1024);
    ck_assert_uint_gt((uintptr_t)far, (uintptr_t)block + available);
    ck_assert_uint_eq(heap->bins.blocks, 1);
    ck_assert_uint_ge(heap->bins.bytes + 32, available);
    ck_assert_ptr_eq(take(1024), block_next(block));
    ck_assert(fake_os_foreign_is_intact());
    give(far);
    give(block);
}
END_TEST

START_TEST(a_free_block_joins_the_rest_before_a_foreign_break)
{
    struct mem_control_block *block = take(1024);
    fake_os_foreign_sbrk(100);
    take(BRKM_MIB);
    give(block);
    ck_assert_uint_eq(heap->bins.blocks, 1);
    ck_assert_uint_ge(heap->bins.bytes, BRKM_GROW_MIN);
}
END_TEST

/* ---- Fallback regions ---- */

static void forbid_break(void)
{
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
}

START_TEST(without_a_break_the_heap_lives_in_mappings)
{
    forbid_break();
    struct mem_control_block *row[4];
    take_row(row, 1024);
    ck_assert_uint_eq(fake_os_break_raised(), 0);
    ck_assert_uint_eq(fake_os_mapped_count(), 1);
    ck_assert_uint_eq(heap->fallback_bytes, BRKM_FALLBACK_MIN);
    give(row[1]);
    give(row[2]);
    ck_assert_ptr_eq(take(2048), row[1]);
    take(BRKM_MIB);
    ck_assert_uint_eq(heap->fallback_bytes, fake_os_mapped_bytes());
}
END_TEST

START_TEST(the_break_is_tried_again)
{
    forbid_break();
    take(1024);
    fake_os_fail(0, 0, false);
    take(4 * BRKM_MIB);
    ck_assert_uint_ge(fake_os_break_raised(), 4 * BRKM_MIB);
    ck_assert_uint_eq(heap->fallback_bytes, BRKM_FALLBACK_MIN);
}
END_TEST

START_TEST(a_small_region_serves_where_a_large_one_cannot_be_had)
{
    forbid_break();
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, false);
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_READ), 1, true);
    take(64);
    ck_assert_uint_eq(heap->fallback_bytes, BRKM_FALLBACK_MIN);
}
END_TEST

/* One free region is kept; of two the smaller one. */
START_TEST(one_free_region_is_spared_and_the_larger_goes)
{
    forbid_break();
    struct mem_control_block *first = take(900000);
    struct mem_control_block *second = take(900000);
    struct mem_control_block *third = take(8 * BRKM_MIB);
    size_t all = fake_os_mapped_bytes();
    size_t large = heap->fallback_bytes - 2 * BRKM_FALLBACK_MIN;
    give(third);
    ck_assert_uint_eq(fake_os_mapped_bytes(), all);
    ck_assert_ptr_nonnull(heap->spare);
    give(first);
    ck_assert_uint_eq(fake_os_mapped_bytes(), all - large);
    ck_assert_ptr_eq(heap->spare, first);
    give(second);
    ck_assert_uint_eq(fake_os_mapped_bytes(), BRKM_FALLBACK_MIN);
    ck_assert_uint_eq(heap->fallback_bytes, BRKM_FALLBACK_MIN);
    take(64);
    ck_assert_ptr_null(heap->spare);
    ck_assert_uint_eq(fake_os_mapped_bytes(), BRKM_FALLBACK_MIN);
    ck_assert_uint_ge(heap->fallback_peak, all);
}
END_TEST

START_TEST(trim_gives_the_spare_region_back)
{
    forbid_break();
    give(take(64));
    ck_assert_uint_eq(brkm__heap_trim(heap, 0), BRKM_FALLBACK_MIN);
    expect_sound();
    ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
    ck_assert_uint_eq(heap->fallback_bytes, 0);
    ck_assert_uint_eq(brkm__heap_trim(heap, 0), 0);
    take(64);
}
END_TEST

START_TEST(a_region_that_cannot_be_unmapped_is_emptied_and_forgotten)
{
    forbid_break();
    struct mem_control_block *block = take(64);
    give(block);
    fake_os_fail(FAKE_ONLY(FAKE_UNMAP), 1, false);
    brkm__heap_trim(heap, 0);
    expect_sound();
    ck_assert_uint_eq(fake_os.calls[FAKE_DISCARD], 1);
    ck_assert(unit_is_zero(block, BRKM_FALLBACK_MIN / 2));
    ck_assert(!brkm__regions_contain_payload(block_payload(block)));
}
END_TEST

START_TEST(a_full_table_of_regions_costs_no_mapping)
{
    static struct mem_control_block fencepost;
    brkm__block_draw_secret();
    block_create(&fencepost, 0, BLOCK_FENCEPOST);
    for (size_t i = 0; i < BRKM_REGION_COUNT; i++) {
        brkm__regions_add(REGION_FALLBACK, (uintptr_t)&fencepost, (uintptr_t)(&fencepost + 1),
                          &fencepost);
    }
    ck_assert_ptr_null(brkm__heap_allocate(heap, 1000, HEAP_MAY_GROW, NULL));
    ck_assert_uint_gt(fake_os.calls[FAKE_MAP], 0);
    ck_assert_uint_eq(fake_os_mapped_bytes(), 0);
}
END_TEST

START_TEST(no_memory_at_all_is_told)
{
    fake_os_fail(FAKE_GIVERS, 1, true);
    ck_assert_ptr_null(brkm__heap_allocate(heap, 64, HEAP_MAY_GROW, NULL));
    ck_assert_ptr_null(brkm__heap_allocate_aligned(heap, 64, 64, HEAP_MAY_GROW));
    struct mem_control_block *blocks[4];
    ck_assert_uint_eq(take_list(64, 4, HEAP_MAY_GROW, blocks), 0);
    expect_sound();
    ck_assert_uint_eq(heap->in_use_blocks, 0);
    fake_os_fail(0, 0, false);
    take(64);
}
END_TEST

/* ---- Trim ---- */

START_TEST(a_large_top_is_given_back_by_itself)
{
    if (_i == 1) {
        ck_assert(brkm__option_set(OPTION_trim_threshold, BRKM_TRIM_THRESHOLD_DEFAULT));
    }
    struct mem_control_block *block = take(8 * BRKM_MIB);
    size_t before = fake_os_break_raised();
    give(block);
    size_t kept = fake_os_break_raised();
    ck_assert_uint_lt(kept, before / 4);
    if (_i == 1) {
        ck_assert_uint_le(kept, brkm__option_get(OPTION_top_pad) + 2 * PAGE);
    }
    ck_assert_uint_gt(brkm__heap_trim(heap, 0), 0);
    expect_sound();
    ck_assert_uint_le(fake_os_break_raised(), PAGE);
}
END_TEST

START_TEST(a_raised_trim_threshold_keeps_the_top)
{
    ck_assert(brkm__option_set(OPTION_trim_threshold, 64 * BRKM_MIB));
    struct mem_control_block *block = take(8 * BRKM_MIB);
    size_t before = fake_os_break_raised();
    give(block);
    ck_assert_uint_eq(fake_os_break_raised(), before);
}
END_TEST

/* ---- Damage ---- */

static struct mem_control_block *row_of_damage[4];

static void free_block(void *block)
{
    brkm__heap_free(heap, block, "free");
}

static void grow_block(void *block)
{
    brkm__heap_resize(heap, block, 112, "realloc");
}

START_TEST(a_damaged_header_behind_ends_the_program)
{
    take_row(row_of_damage, 64);
    memset(row_of_damage[2], 'x', 8);
    ck_assert(fake_os_dies(_i == 0 ? free_block : grow_block, row_of_damage[1]));
    ck_assert(unit_said("write past the end, next header overwritten"));
    ck_assert(unit_said("block of 56 bytes"));
}
END_TEST

START_TEST(a_damaged_boundary_tag_ends_the_program)
{
    static const size_t tags[] = {0, 16, 32, 64 + 16, (size_t)1 << 40, SIZE_MAX - 63, 8};
    take_row(row_of_damage, 64);
    give(row_of_damage[0]);
    *block_boundary_tag_before(row_of_damage[1]) = tags[_i];
    ck_assert(fake_os_dies(free_block, row_of_damage[1]));
    ck_assert(unit_said("boundary tag of a free block overwritten"));
}
END_TEST

/* A header that is right but for its size. */
START_TEST(a_free_block_that_leads_out_of_the_heap_ends_the_program)
{
    take_row(row_of_damage, 64);
    give(row_of_damage[1]);
    block_set(row_of_damage[1], 32 * BRKM_MIB, BLOCK_FREE);
    ck_assert(fake_os_dies(_i == 0 ? free_block : grow_block, row_of_damage[0]));
    ck_assert(unit_said("header overwritten"));
}
END_TEST

START_TEST(a_damaged_link_of_a_neighbour_ends_the_program)
{
    take_row(row_of_damage, 64);
    give(row_of_damage[1]);
    struct free_block *damaged = (struct free_block *)row_of_damage[1];
    damaged->next = (struct free_block *)row_of_damage[2];
    ck_assert(fake_os_dies(_i == 0 ? free_block : grow_block, row_of_damage[0]));
    ck_assert(unit_said("links of a free block overwritten"));
}
END_TEST

static void free_list(void *list)
{
    brkm__heap_free_list(heap, *(struct cached_list *)list);
}

START_TEST(a_list_with_a_block_that_is_not_cached_ends_the_program)
{
    brkm__cached_draw_secret();
    struct cached_list list = brkm__heap_allocate_list(heap, 64, 2, BRKM_ALIGNMENT, HEAP_MAY_GROW);
    block_set_state(block_from_payload(_i == 0 ? list.first : list.first->next), BLOCK_IN_USE);
    ck_assert(fake_os_dies(free_list, &list));
    ck_assert(unit_said("links of a free block overwritten"));
}
END_TEST

/* Two threads free at once: both have verified the block, one comes to the heap first. */
START_TEST(a_block_that_another_thread_freed_meanwhile_ends_the_program)
{
    struct mem_control_block *block = take(4000);
    take(4000);
    free_block(block);
    ck_assert(fake_os_dies(_i == 0 ? free_block : grow_block, block));
    ck_assert(unit_said(_i == 0 ? "double free" : "use of a freed block"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("heap");
    TCase *blocks = unit_case(suite, "blocks");
    tcase_add_test(blocks, blocks_of_a_fresh_heap_are_neighbours);
    tcase_add_test(blocks, nothing_is_taken_from_the_system_unless_that_is_allowed);
    tcase_add_loop_test(blocks, neighbours_coalesce_in_every_order, 0, 24);
    tcase_add_test(blocks, blocks_in_use_between_free_ones_keep_them_apart);
    tcase_add_test(blocks, what_borders_the_top_goes_into_the_top);
    tcase_add_test(blocks, a_larger_free_block_is_split_and_the_rest_is_kept);
    tcase_add_test(blocks, growth_is_geometric);
    tcase_add_test(blocks, zero_bytes_are_told_and_are_zero);
    tcase_add_loop_test(blocks, a_list_is_a_row_of_neighbours, 0, 4);
    tcase_add_test(blocks, a_list_takes_what_free_blocks_there_are);
    tcase_add_loop_test(blocks, an_aligned_list_is_one_row, 0, 5);
    tcase_add_test(blocks, aligned_blocks_give_their_slack_back);
    tcase_add_test(blocks, aligned_blocks_fit_between_others);
    TCase *resizing = unit_case(suite, "resize");
    tcase_add_test(resizing, shrinking_frees_the_rest_unless_it_is_too_small);
    tcase_add_test(resizing, growing_takes_a_free_neighbour_whole_or_in_part);
    tcase_add_test(resizing, growing_into_a_block_in_use_is_refused);
    tcase_add_test(resizing, growing_takes_from_the_top_and_grows_it);
    tcase_add_test(resizing, growing_at_the_top_fails_whole_when_the_system_refuses);
    tcase_add_test(resizing, no_header_in_use_stays_inside_a_payload);
    TCase *system = unit_case(suite, "system");
    tcase_add_test(system, the_rest_before_a_foreign_break_is_used);
    tcase_add_test(system, a_free_block_joins_the_rest_before_a_foreign_break);
    tcase_add_test(system, without_a_break_the_heap_lives_in_mappings);
    tcase_add_test(system, the_break_is_tried_again);
    tcase_add_test(system, a_small_region_serves_where_a_large_one_cannot_be_had);
    tcase_add_test(system, one_free_region_is_spared_and_the_larger_goes);
    tcase_add_test(system, trim_gives_the_spare_region_back);
    tcase_add_test(system, a_region_that_cannot_be_unmapped_is_emptied_and_forgotten);
    tcase_add_test(system, a_full_table_of_regions_costs_no_mapping);
    tcase_add_test(system, no_memory_at_all_is_told);
    tcase_add_loop_test(system, a_large_top_is_given_back_by_itself, 0, 2);
    tcase_add_test(system, a_raised_trim_threshold_keeps_the_top);
    TCase *damage = unit_case(suite, "damage");
    tcase_add_loop_test(damage, a_damaged_header_behind_ends_the_program, 0, 2);
    tcase_add_loop_test(damage, a_damaged_boundary_tag_ends_the_program, 0, 7);
    tcase_add_loop_test(damage, a_free_block_that_leads_out_of_the_heap_ends_the_program, 0, 2);
    tcase_add_loop_test(damage, a_damaged_link_of_a_neighbour_ends_the_program, 0, 2);
    tcase_add_loop_test(damage, a_block_that_another_thread_freed_meanwhile_ends_the_program, 0, 2);
    tcase_add_loop_test(damage, a_list_with_a_block_that_is_not_cached_ends_the_program, 0, 2);
    return suite;
}
