/* SPDX-License-Identifier: MIT
 * heaps.h, chunks.h and home.h: chunks that are lent and come back, blocks that go to the heap they
 * belong to, threads that find a home. The heaps are walked after each step. */
#include "heap/heaps.h"

#include <pthread.h>
#include <string.h>

#include "cache/cache_life.h"
#include "cache/cache_registry.h"
#include "cache/depot.h"
#include "cache/home.h"
#include "cache/supply.h"
#include "cache/thread_cache.h"
#include "heap/walk.h"
#include "kit/options.h"
#include "process/bare_fork.h"
#include "stats/heap_map.h"
#include "stats/stats.h"
#include "unit.h"

static struct heap *const main_heap = &brkm__main_heap;
static struct heap *side;

static void expect_sound(void)
{
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}

static void begin_side(void)
{
    fake_os_set_threads(true);
    brkm__cached_draw_secret();
    side = brkm__heaps_begin(2);
    ck_assert_ptr_nonnull(side);
    brkm__depot_begin(side);
}

static struct mem_control_block *take_from(struct heap *heap, size_t size)
{
    struct mem_control_block *block = brkm__heap_allocate(heap, size, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    ck_assert_ptr_eq(heap_of(block), heap);
    expect_sound();
    unit_fill(block_payload(block), block_usable_size(block), (uint32_t)(uintptr_t)block);
    return block;
}

static void give(struct mem_control_block *block)
{
    ck_assert(
        unit_is_filled(block_payload(block), block_usable_size(block), (uint32_t)(uintptr_t)block));
    brkm__heaps_free(block, "free");
    expect_sound();
}

/* ---- Chunks ---- */

START_TEST(a_side_heap_cuts_blocks_from_a_chunk)
{
    begin_side();
    struct mem_control_block *block = take_from(side, 1008);
    ck_assert_uint_eq(side->chunk_bytes, BRKM_CHUNK_MIN);
    ck_assert_uint_eq(main_heap->chunk_bytes, BRKM_CHUNK_MIN);
    ck_assert_uint_eq(side->in_use_bytes, 1008);
    ck_assert_uint_eq(main_heap->in_use_bytes, 0);
    struct mem_control_block *other = take_from(main_heap, 1008);
    uintptr_t granule = (uintptr_t)block / BRKM_CHUNK_GRANULE;
    ck_assert_uint_ne((uintptr_t)other / BRKM_CHUNK_GRANULE, granule);
    give(block);
    give(other);
}
END_TEST

/* Every payload of a chunk, and those next to it. */
START_TEST(the_map_tells_whose_an_address_is)
{
    begin_side();
    struct mem_control_block *before = take_from(main_heap, 64);
    uintptr_t block = (uintptr_t)block_payload(take_from(side, 64));
    uintptr_t start = align_down(block, BRKM_CHUNK_GRANULE);
    for (uintptr_t at = start; at < start + BRKM_CHUNK_MIN; at += BRKM_ALIGNMENT) {
        ck_assert_uint_eq(chunk_heap_number((void *)at), 1);
    }
    ck_assert_uint_eq(chunk_heap_number((void *)(start - BRKM_ALIGNMENT)), 0);
    ck_assert_uint_eq(chunk_heap_number((void *)(start + BRKM_CHUNK_MIN)), 0);
    ck_assert_uint_eq(chunk_heap_number(block_payload(before)), 0);
    ck_assert_uint_eq(chunk_heap_number((void *)16), 0);
    ck_assert_uint_eq(chunk_heap_number((void *)(UINTPTR_MAX - 15)), 0);
}
END_TEST

START_TEST(a_chunk_that_is_free_goes_back_when_enough_is_free)
{
    struct mem_control_block *blocks[40];
    begin_side();
    for (size_t i = 0; i < 40; i++) {
        blocks[i] = take_from(side, 32 * BRKM_KIB);
    }
    ck_assert_uint_gt(side->chunk_bytes, 40 * 32 * BRKM_KIB);
    for (size_t i = 0; i < 40; i++) {
        give(blocks[i]);
    }
    /* One chunk at most stays, and with it what the bins have. */
    ck_assert_uint_le(side->chunk_bytes, 2 * BRKM_CHUNK_MIN + 40 * 4 * BRKM_KIB);
    ck_assert_uint_eq(side->chunk_bytes, main_heap->chunk_bytes);
    brkm__heaps_return_chunks();
    expect_sound();
    ck_assert_uint_eq(side->chunk_bytes, 0);
    ck_assert_uint_eq(main_heap->chunk_bytes, 0);
    ck_assert_uint_eq(side->bins.blocks, 0);
    brkm__heaps_trim(0);
    ck_assert_uint_le(fake_os_break_raised(), PAGE);
}
END_TEST

/* The largest block that a side heap serves, more than a chunk of the usual size. */
START_TEST(a_block_gets_a_chunk_that_has_room)
{
    begin_side();
    struct mem_control_block *block = take_from(side, 3 * BRKM_CHUNK_MIN);
    ck_assert_uint_eq(side->chunk_bytes, 3 * BRKM_CHUNK_MIN + BRKM_CHUNK_GRANULE);
    give(block);
}
END_TEST

START_TEST(without_memory_for_the_map_the_main_heap_serves)
{
    begin_side();
    take_from(main_heap, 64);
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    ck_assert_ptr_null(brkm__heap_allocate(side, 64, HEAP_MAY_GROW, NULL));
    expect_sound();
    ck_assert_uint_eq(main_heap->chunk_bytes, 0);
}
END_TEST

/* A block of fresh pages is known to be zero, and no page of it counts as regretted. */
START_TEST(fresh_pages_of_a_chunk_are_zero_and_no_regret)
{
    begin_side();
    size_t dirty;
    struct mem_control_block *block =
        brkm__heap_allocate(side, 48 * BRKM_KIB, HEAP_MAY_GROW, &dirty);
    ck_assert_uint_le(dirty, PAGE);
    ck_assert(unit_is_zero((char *)block_payload(block) + dirty, block_usable_size(block) - dirty));
    ck_assert_uint_eq(side->purge.regretted, 0);
    brkm__heaps_free(block, "free");
    lock_acquire(&side->lock);
    brkm__purge_all(side, false);
    lock_release(&side->lock);
    block = brkm__heap_allocate(side, 48 * BRKM_KIB, HEAP_AS_IT_IS, &dirty);
    ck_assert_uint_gt(side->purge.regretted, 40 * BRKM_KIB);
    expect_sound();
}
END_TEST

/* ---- Blocks of several heaps ---- */

START_TEST(a_list_goes_home_to_each_heap)
{
    begin_side();
    struct heap *second = brkm__heaps_begin(2);
    ck_assert_ptr_null(brkm__heaps_begin(2));
    struct heap *const heaps[] = {main_heap, side, second};
    struct cached_list list = cached_list_empty();
    for (unsigned i = 0; i < 60; i++) {
        brkm__cached_list_push(&list, take_from(heaps[i % 3], 64 + 16 * (i % 7)));
    }
    brkm__heaps_free_list(list);
    expect_sound();
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(heaps[i]->in_use_blocks, 0);
        ck_assert_uint_eq(heaps[i]->frees, 20);
    }
}
END_TEST

START_TEST(a_batch_of_two_heaps_goes_to_two_depots)
{
    begin_side();
    unsigned slot = size_class_slot(96);
    struct cached_list list = cached_list_empty();
    for (unsigned i = 0; i < 10; i++) {
        brkm__cached_list_push(&list, take_from(i % 2 == 0 ? main_heap : side, 96));
    }
    brkm__depot_put(slot, list);
    ck_assert_uint_eq(brkm__depot_totals().blocks, 10);
    struct cached_list own = brkm__depot_take(side, slot);
    ck_assert_uint_eq(own.count, 5);
    while (own.count != 0) {
        ck_assert_ptr_eq(heap_of(cached_list_pop(&own)), side);
    }
    ck_assert_uint_eq(brkm__depot_take(main_heap, slot).count, 5);
    ck_assert(!brkm__depot_drain());
}
END_TEST

START_TEST(a_block_is_resized_in_its_own_heap)
{
    begin_side();
    struct mem_control_block *block = take_from(side, 8000);
    ck_assert(brkm__heaps_resize(block, 20000, "realloc"));
    expect_sound();
    ck_assert_uint_eq(block_size(block), 20000);
    ck_assert_uint_eq(side->in_use_bytes, 20000);
    ck_assert(!brkm__heaps_resize(block, 2 * BRKM_CHUNK_MIN, "realloc"));
    ck_assert(brkm__heaps_resize(block, 64, "realloc"));
    ck_assert_uint_eq(side->in_use_bytes, 64);
    expect_sound();
}
END_TEST

START_TEST(figures_and_maps_know_all_heaps)
{
    begin_side();
    struct mem_control_block *block = take_from(side, 4096);
    take_from(main_heap, 8192);
    struct snapshot counters = brkm__snapshot_of_counters();
    ck_assert_uint_eq(counters.in_use_heap_bytes, 4096 + 8192);
    ck_assert_uint_eq(counters.in_use_heap_blocks, 2);
    struct snapshot_detail *detail;
    struct snapshot exact = brkm__snapshot_begin(&detail);
    ck_assert_uint_eq(exact.in_use_heap_bytes, 4096 + 8192);
    ck_assert_uint_eq(exact.memory_total, exact.memory_in_use + exact.memory_cached +
                                              exact.memory_free + exact.memory_overhead);
    ck_assert_uint_eq(exact.heap_free, main_heap->bins.bytes + side->bins.bytes + exact.heap_top);
    brkm__snapshot_end(detail);
    struct heap_map *map = brkm__heap_map_make(HEAP_MAP_BY_RUNS);
    ck_assert_uint_eq(map->regions_used, 1);
    ck_assert_uint_eq(map->regions[0].bytes[RUN_DAMAGED], 0);
    brkm__heap_map_free(map);
    give(block);
}
END_TEST

/* Many blocks of three heaps in random order. */
START_TEST(heaps_stay_whole)
{
    enum { SLOTS = 300 };
    struct mem_control_block *blocks[SLOTS] = {NULL};
    uint64_t random = 88172645463325252 + (uint64_t)_i;
    begin_side();
    struct heap *const heaps[] = {main_heap, side, brkm__heaps_begin(2)};
    for (unsigned i = 0; i < 6000; i++) {
        struct mem_control_block **slot = &blocks[unit_random(&random) % SLOTS];
        if (*slot != NULL) {
            brkm__heaps_free(*slot, "free");
            *slot = NULL;
        } else {
            size_t size = (32 + unit_random(&random) % (1u << unit_random(&random) % 16)) & ~15u;
            *slot = brkm__heap_allocate(heaps[unit_random(&random) % 3], max_size(size, 32),
                                        HEAP_MAY_GROW, NULL);
        }
        if (i % 50 == 0) {
            expect_sound();
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (blocks[i] != NULL) {
            brkm__heaps_free(blocks[i], "free");
        }
    }
    brkm__heaps_trim(0);
    expect_sound();
    ck_assert_uint_eq(main_heap->chunk_bytes, 0);
}
END_TEST

/* ---- Damage ---- */

static struct mem_control_block *damaged;

static void free_damaged(void *block)
{
    (void)block;
    brkm__heaps_free(damaged, "free");
}

/* The header in front of a chunk's first block is that of the edge. */
START_TEST(a_written_edge_ends_the_program)
{
    begin_side();
    damaged = take_from(side, 64);
    memset((char *)damaged - BRKM_MIN_BLOCK, 'x', 8);
    ck_assert_int_ne(brkm_check_heap(), 0);
    ck_assert(fake_os_dies(free_damaged, NULL));
    ck_assert(unit_said("header overwritten"));
}
END_TEST

static void free_edge(void *memory)
{
    brkm_free(memory);
}

START_TEST(an_edge_is_no_block_of_the_program)
{
    begin_side();
    struct mem_control_block *block = take_from(side, 64);
    ck_assert(fake_os_dies(free_edge, (char *)block_payload(block) - BRKM_MIN_BLOCK));
    ck_assert(unit_said("invalid pointer"));
}
END_TEST

/* ---- Homes ---- */

static struct heap *home_of_worker;
static size_t visits;

static void *visit_home(void *unused)
{
    brkm_free(brkm_malloc(100));
    for (size_t i = 0; i < visits; i++) {
        home_of_worker = brkm__home(64);
    }
    ck_assert_ptr_eq(brkm__home(BRKM_CACHED_MAX + 16), main_heap);
    ck_assert_ptr_eq(brkm__home(BRKM_SIDE_BLOCK_MAX + 16), main_heap);
    return unused;
}

static void run_thread(void *(*body)(void *))
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, body, NULL), 0);
    pthread_join(thread, NULL);
}

static void run_visitor(size_t count)
{
    visits = count;
    run_thread(visit_home);
}

static void begin_process(void)
{
    brkm__homes_begin();
    fake_os_set_threads(true);
    brkm__cache_watch_threads();
    brkm_free(brkm_malloc(100));
}

START_TEST(a_thread_that_comes_often_gets_a_heap_of_its_own)
{
    begin_process();
    run_visitor(BRKM_HOME_PATIENCE - 10);
    ck_assert_ptr_eq(home_of_worker, main_heap);
    run_visitor(BRKM_HOME_PATIENCE + 10);
    ck_assert_ptr_eq(home_of_worker, &brkm__side_heaps[0]);
    /* Who ends leaves room for the next. */
    run_visitor(BRKM_HOME_PATIENCE + 10);
    ck_assert_ptr_eq(home_of_worker, &brkm__side_heaps[0]);
    ck_assert_uint_eq(main_heap->threads, 1);
    ck_assert_uint_eq(brkm__side_heaps[0].threads, 0);
}
END_TEST

/* Visits for large blocks, in one of `every` of which somebody waits for the main heap's lock. */
static unsigned every;

static void *visit_for_large(void *unused)
{
    for (unsigned i = 0; i < 8 * BRKM_HOME_LARGE_PATIENCE; i++) {
        home_of_worker = brkm__home(BRKM_SIDE_BLOCK_MAX);
        main_heap->lock.contended += i % every == 0;
    }
    ck_assert_ptr_eq(brkm__home(BRKM_SIDE_BLOCK_MAX + 16), main_heap);
    return unused;
}

static void run_large(unsigned one_of)
{
    every = one_of;
    run_thread(visit_for_large);
}

START_TEST(large_blocks_part_where_threads_wait_often)
{
    begin_process();
    run_large(2 * BRKM_HOME_LARGE_WAIT);
    ck_assert_ptr_eq(home_of_worker, main_heap);
    run_large(1);
    ck_assert_ptr_eq(home_of_worker, &brkm__side_heaps[0]);
    fake_os_set_threads(false);
    brkm__thread_cache->home = &brkm__side_heaps[0];
    ck_assert_ptr_eq(brkm__home(BRKM_SIDE_BLOCK_MAX), main_heap);
    brkm__thread_cache->home = main_heap;
}
END_TEST

/* The heap of a block for a thread whose home is the side heap, in which nothing is free. */
static struct heap *heap_that_serves(size_t size)
{
    brkm__thread_cache->home = side;
    struct mem_control_block *block = brkm__supply_block(size, BRKM_ALIGNMENT, NULL);
    brkm__thread_cache->home = main_heap;
    ck_assert_ptr_nonnull(block);
    return heap_of(block);
}

/* Leaves holes of 32 KiB, in which there is no room for a chunk. */
static void make_holes(size_t bytes)
{
    struct mem_control_block *holes[BRKM_HOLES_LEFT_MIN / (16 * BRKM_KIB)];
    size_t count = bytes / (32 * BRKM_KIB);
    for (size_t i = 0; i < count; i++) {
        holes[i] = take_from(main_heap, 32 * BRKM_KIB);
        take_from(main_heap, 64);
    }
    for (size_t i = 0; i < count; i++) {
        give(holes[i]);
    }
}

START_TEST(a_few_holes_are_left_to_the_main_heap)
{
    begin_process();
    begin_side();
    make_holes(BRKM_HOLES_LEFT_MIN / 2);
    ck_assert_ptr_eq(heap_that_serves(1008), side);
}
END_TEST

START_TEST(many_holes_serve_side_heaps)
{
    begin_process();
    begin_side();
    make_holes(3 * BRKM_HOLES_LEFT_MIN / 2);
    ck_assert_ptr_eq(heap_that_serves(1008), main_heap);
}
END_TEST

START_TEST(large_blocks_borrow_holes)
{
    begin_process();
    begin_side();
    struct mem_control_block *hole = take_from(main_heap, BRKM_SIDE_BLOCK_MAX);
    take_from(main_heap, 64);
    give(hole);
    size_t from_system = heap_bytes_from_system(main_heap);
    brkm__thread_cache->large_patience = 0;
    ck_assert_ptr_eq(heap_that_serves(BRKM_MIB), side);
    ck_assert_uint_eq(heap_bytes_from_system(main_heap), from_system);
    ck_assert_uint_eq(main_heap->chunk_bytes, BRKM_MIB + BRKM_CHUNK_GRANULE);
}
END_TEST

START_TEST(below_a_limit_no_hole_is_left)
{
    begin_process();
    begin_side();
    make_holes(BRKM_HOLES_LEFT_MIN / 2);
    brkm__option_set(OPTION_limit_hard, BRKM_GIB);
    ck_assert_ptr_eq(heap_that_serves(1008), main_heap);
}
END_TEST

START_TEST(the_only_thread_stays_in_the_main_heap)
{
    begin_process();
    for (size_t i = 0; i < 3 * BRKM_HOME_PATIENCE; i++) {
        ck_assert_ptr_eq(brkm__home(64), main_heap);
    }
    ck_assert_uint_eq(brkm__side_heaps_used, 0);
}
END_TEST

START_TEST(there_are_as_many_side_heaps_as_the_option_says)
{
    ck_assert(brkm__option_set(OPTION_side_heaps, (size_t)_i));
    begin_process();
    run_visitor(2 * BRKM_HOME_PATIENCE);
    ck_assert_ptr_eq(home_of_worker, _i == 0 ? main_heap : &brkm__side_heaps[0]);
    ck_assert_uint_eq(brkm__side_heaps_used, (unsigned)_i);
}
END_TEST

/* What a thread with a side heap as its home takes and leaves. */
static void *work_in_side(void *kept)
{
    void **blocks = kept;
    visit_home(NULL);
    for (size_t i = 0; i < 1000; i++) {
        blocks[i] = brkm_malloc(1 + i * 7 % 30000);
        memset(blocks[i], 0x5a, 1 + i * 7 % 30000);
    }
    for (size_t i = 0; i < 1000; i += 2) {
        brkm_free(blocks[i]);
    }
    return NULL;
}

static size_t count_side_blocks(void *const *blocks)
{
    size_t count = 0;
    for (size_t i = 1; i < 1000; i += 2) {
        count += heap_of(block_from_payload(blocks[i])) != main_heap;
    }
    return count;
}

START_TEST(blocks_of_a_thread_that_ended_are_freed_by_others)
{
    static void *blocks[1000];
    pthread_t thread;
    begin_process();
    visits = BRKM_HOME_PATIENCE + 1;
    ck_assert_int_eq(pthread_create(&thread, NULL, work_in_side, blocks), 0);
    pthread_join(thread, NULL);
    expect_sound();
    ck_assert_uint_gt(count_side_blocks(blocks), 300);
    for (size_t i = 1; i < 1000; i += 2) {
        brkm_free(blocks[i]);
    }
    expect_sound();
    brkm_malloc_trim(0);
    expect_sound();
    ck_assert_uint_le(brkm__side_heaps[0].in_use_bytes, 256 * BRKM_KIB);
}
END_TEST

/* ---- Fork ---- */

START_TEST(after_a_bare_fork_all_heaps_begin_anew)
{
    begin_side();
    struct mem_control_block *block = take_from(side, 64);
    take_from(main_heap, 64);
    brkm__bare_fork_abandon_heaps();
    ck_assert_ptr_eq(heap_of(block), main_heap);
    ck_assert_uint_eq(side->in_use_bytes + side->bins.bytes + side->chunk_bytes, 0);
    brkm__heaps_free(block, "free");
    ck_assert_int_eq((int)block_state(block), (int)BLOCK_CACHED);
    struct mem_control_block *fresh = take_from(side, 64);
    ck_assert_uint_eq(side->in_use_bytes, 64);
    ck_assert(!regions_is_abandoned(fresh));
}
END_TEST

START_TEST(in_the_child_of_a_fork_its_thread_is_the_only_one)
{
    begin_process();
    atomic_store(&main_heap->threads, 7);
    brkm__cache_forget_other_threads();
    ck_assert_uint_eq(main_heap->threads, 1);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("heaps");
    TCase *chunks = unit_case(suite, "chunks");
    tcase_add_test(chunks, a_side_heap_cuts_blocks_from_a_chunk);
    tcase_add_test(chunks, the_map_tells_whose_an_address_is);
    tcase_add_test(chunks, a_chunk_that_is_free_goes_back_when_enough_is_free);
    tcase_add_test(chunks, a_block_gets_a_chunk_that_has_room);
    tcase_add_test(chunks, without_memory_for_the_map_the_main_heap_serves);
    tcase_add_test(chunks, fresh_pages_of_a_chunk_are_zero_and_no_regret);
    TCase *several = unit_case(suite, "several heaps");
    tcase_add_test(several, a_list_goes_home_to_each_heap);
    tcase_add_test(several, a_batch_of_two_heaps_goes_to_two_depots);
    tcase_add_test(several, a_block_is_resized_in_its_own_heap);
    tcase_add_test(several, figures_and_maps_know_all_heaps);
    tcase_add_loop_test(several, heaps_stay_whole, 0, 8);
    TCase *damage = unit_case(suite, "damage");
    tcase_add_test(damage, a_written_edge_ends_the_program);
    tcase_add_test(damage, an_edge_is_no_block_of_the_program);
    TCase *homes = unit_case(suite, "homes");
    tcase_add_test(homes, a_thread_that_comes_often_gets_a_heap_of_its_own);
    tcase_add_test(homes, large_blocks_part_where_threads_wait_often);
    tcase_add_test(homes, a_few_holes_are_left_to_the_main_heap);
    tcase_add_test(homes, large_blocks_borrow_holes);
    tcase_add_test(homes, many_holes_serve_side_heaps);
    tcase_add_test(homes, below_a_limit_no_hole_is_left);
    tcase_add_test(homes, the_only_thread_stays_in_the_main_heap);
    tcase_add_loop_test(homes, there_are_as_many_side_heaps_as_the_option_says, 0, 2);
    tcase_add_test(homes, blocks_of_a_thread_that_ended_are_freed_by_others);
    TCase *forks = unit_case(suite, "fork");
    tcase_add_test(forks, after_a_bare_fork_all_heaps_begin_anew);
    tcase_add_test(forks, in_the_child_of_a_fork_its_thread_is_the_only_one);
    return suite;
}
