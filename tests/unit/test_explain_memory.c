/* SPDX-License-Identifier: MIT
 * stats/shares.h, stats/slices.h, stats/heap_map.h, brkm_move_hint: the walk in slices sees each
 * block that stays once, and what blocks pin is what their hints say, computed in two ways. */
#include "stats/shares.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "brkmalloc/kernel.h"
#include "heap/heap.h"
#include "stats/explain_memory.h"
#include "stats/heap_map.h"
#include "stats/pages.h"
#include "stats/slices.h"
#include "stats/stats.h"
#include "unit.h"

enum { BLOCKS = 20000 };

static void *blocks[BLOCKS];
static uint64_t seed = 7;

/* Sizes from 1 byte to some pages; and frees most of them. */
static void scatter(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = (size_t)1 << unit_random(&seed) % 13;
        blocks[i] = brkm_malloc(size + unit_random(&seed) % size);
        ck_assert_ptr_nonnull(blocks[i]);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (unit_random(&seed) % 5 != 0) {
            brkm_free(blocks[i]);
            blocks[i] = NULL;
        }
    }
}

static size_t sum_of_hints(void)
{
    size_t sum = 0;
    for (unsigned i = 0; i < BLOCKS; i++) {
        sum += brkm_move_hint(blocks[i]);
    }
    return sum;
}

static size_t pinned_by_classes(const struct memory_shares *shares)
{
    size_t sum = 0;
    for (unsigned i = 0; i < BRKM_BIN_COUNT; i++) {
        sum += shares->classes[i].pinned;
    }
    return sum;
}

START_TEST(the_hints_add_up_to_what_is_pinned)
{
    for (int round = 0; round < 5; round++) {
        scatter();
        struct memory_shares *shares = brkm__shares_make();
        ck_assert_ptr_nonnull(shares);
        size_t pinned = pinned_by_classes(shares);
        ck_assert_uint_gt(pinned, BRKM_MIB);
        ck_assert_uint_eq(pinned + shares->sum.pinned_by_caches, shares->sum.pinned);
        ck_assert_uint_eq(sum_of_hints(), pinned);
        ck_assert_uint_le(shares->sum.pinned, shares->sum.free);
        brkm__shares_free(shares);
        for (unsigned i = 0; i < BLOCKS; i++) {
            brkm_free(blocks[i]);
        }
    }
}
END_TEST

START_TEST(the_parts_are_those_of_the_statistics)
{
    scatter();
    struct memory_shares *shares = brkm__shares_make();
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    ck_assert_uint_eq(shares->sum.live + shares->sum.headers, now.in_use_heap_bytes);
    ck_assert_uint_eq(shares->sum.cached, now.memory_cached);
    ck_assert_uint_eq(shares->sum.free + shares->sum.purged + shares->sum.reserved,
                      now.heap_from_system - now.in_use_heap_bytes - now.memory_cached -
                          BRKM_HEADER_SIZE);
    uint64_t count = 0;
    for (unsigned i = 0; i < BRKM_BIN_COUNT; i++) {
        ck_assert_uint_eq(shares->classes[i].blocks, detail->classes[i][SNAPSHOT_IN_USE].blocks);
        count += shares->classes[i].blocks;
    }
    ck_assert_uint_eq(count, now.in_use_heap_blocks);
    brkm__snapshot_end(detail);
    brkm__shares_free(shares);
}
END_TEST

/* Not by that of mapped blocks, which none is. */
START_TEST(the_kernel_family_has_a_row)
{
    void *area = brkm_vmalloc(3 * BRKM_MIB);
    void *object = brkm_kmalloc(1000, BRKM_GFP_KERNEL);
    ck_assert_ptr_nonnull(area);
    ck_assert_ptr_nonnull(object);
    struct memory_shares *shares = brkm__shares_make();
    ck_assert_uint_ge(shares->sum.kernel, 3 * BRKM_MIB + 1000);
    ck_assert_uint_eq(shares->sum.mapped, 0);
    brkm__shares_free(shares);
    brkm_kfree(object);
    brkm_vfree(area);
}
END_TEST

START_TEST(a_block_alone_has_its_page)
{
    void *small[400];
    for (unsigned i = 0; i < 400; i++) {
        small[i] = brkm_malloc(1000);
    }
    ck_assert_uint_eq(brkm_move_hint(small[200]), 0);
    for (unsigned i = 0; i < 400; i++) {
        if (i != 200) {
            brkm_free(small[i]);
        }
    }
    brkm_malloc_trim(0);
    size_t size = brkm_malloc_usable_size(small[200]) + BRKM_HEADER_SIZE;
    uintptr_t start = (uintptr_t)small[200] - BRKM_HEADER_SIZE;
    size_t pages = align_up(start + size, PAGE) - align_down(start, PAGE);
    ck_assert_uint_eq(brkm_move_hint(small[200]), pages - size);
    brkm_free(small[200]);
    ck_assert_uint_eq(brkm_move_hint(small[200]), 0);
}
END_TEST

START_TEST(other_pointers_have_no_hint)
{
    char *block = brkm_malloc(300);
    ck_assert_uint_eq(brkm_move_hint(NULL), 0);
    ck_assert_uint_eq(brkm_move_hint(block + 16), 0);
    ck_assert_uint_eq(brkm_move_hint(block + 3), 0);
    ck_assert_uint_eq(brkm_move_hint(&block), 0);
    ck_assert_uint_eq(brkm_move_hint(brkm_malloc(BRKM_MIB)), 0);
}
END_TEST

/* ---- Slices ---- */

struct seen {
    size_t blocks, most_at_once;
    uintptr_t last;
};

static void see(void *context, const struct walk *at)
{
    struct seen *seen = context;
    ck_assert(at->region->kind == REGION_BREAK);
    ck_assert_uint_gt((uintptr_t)at->block, seen->last);
    seen->last = (uintptr_t)at->block;
    seen->blocks += block_state_is_in_use(at->state);
    seen->most_at_once++;
}

/* While nearly all others go and come between the slices, those that stay are seen, in their order
 * and a bounded number at a time. */
START_TEST(what_stays_is_seen_once)
{
    struct seen seen = {0};
    struct slices slices = {0};
    bool more = true;
    size_t kept = 0;
    scatter();
    for (unsigned i = 0; i < BLOCKS; i++) {
        kept += blocks[i] != NULL && i % 100 == 0;
    }
    for (unsigned slice = 0; more; slice++) {
        seen.most_at_once = 0;
        more = brkm__slices_next(&slices, see, &seen);
        ck_assert_uint_le(seen.most_at_once, SLICE_BLOCKS);
        for (unsigned i = 0; i < BLOCKS; i++) {
            if (i % 100 != 0) {
                brkm_free(blocks[i]);
                blocks[i] = slice % 2 == 0 ? NULL : brkm_malloc(unit_random(&seed) % 5000);
            }
        }
        brkm_malloc_trim(0);
        ck_assert_uint_lt(slice, 1000);
    }
    ck_assert_uint_ge(seen.blocks, kept);
}
END_TEST

/* Nor is anything between them left out, when asked for: what was seen tiles the region. */
static void see_tiles(void *context, const struct walk *at)
{
    uintptr_t *end = context;
    ck_assert_uint_le((uintptr_t)at->block, *end == 0 ? UINTPTR_MAX : *end);
    ck_assert_uint_ne(at->state, BLOCK_DAMAGED);
    *end = max_size(*end, walk_block_end(at));
}

START_TEST(rests_fill_the_gaps)
{
    struct slices slices = {.with_rests = true};
    uintptr_t end = 0;
    bool more = true;
    scatter();
    for (unsigned slice = 0; more; slice++) {
        more = brkm__slices_next(&slices, see_tiles, &end);
        for (unsigned i = 0; i < BLOCKS; i++) {
            if (i % 4 != 0) {
                brkm_free(blocks[i]);
                blocks[i] = (slice + i) % 2 == 0 ? NULL : brkm_malloc(unit_random(&seed) % 9000);
            }
        }
        ck_assert_uint_lt(slice, 1000);
    }
    ck_assert_uint_eq(end, brkm__main_heap.top.end);
}
END_TEST

/* Where the very block that a slice goes on from was joined with those behind it. */
START_TEST(the_rest_of_a_block_that_grew_is_seen)
{
    struct slices slices = {.with_rests = true};
    uintptr_t end = 0;
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = brkm_malloc(2000);
    }
    ck_assert(brkm__slices_next(&slices, see_tiles, &end));
    uintptr_t mark = (uintptr_t)slices.marks[(slices.marks_made - 1) % SLICE_MARKS];
    for (unsigned i = 0; i < BLOCKS; i++) {
        if ((uintptr_t)blocks[i] - mark < 64 * BRKM_KIB) {
            brkm_free(blocks[i]);
        }
    }
    brkm_malloc_trim(0);
    while (brkm__slices_next(&slices, see_tiles, &end)) {
    }
    ck_assert_uint_eq(end, brkm__main_heap.top.end);
}
END_TEST

static void count(void *context, const struct walk *at)
{
    (void)at;
    ++*(size_t *)context;
}

/* Where every block that a slice could go on from is gone again, and the region is gone through
 * from its first block each time. */
START_TEST(a_walk_ends_where_no_mark_stays)
{
    struct slices slices = {0};
    size_t seen = 0;
    bool more = true;
    scatter();
    for (unsigned slice = 0; more; slice++) {
        more = brkm__slices_next(&slices, count, &seen);
        memset(slices.marks, 0, sizeof(slices.marks));
        ck_assert_uint_lt(slice, 1000);
    }
    ck_assert_uint_gt(seen, BLOCKS / 5);
}
END_TEST

/* Where each block takes long, as their pages have to be brought first. */
START_TEST(a_slice_ends_when_its_time_is_up)
{
    struct slices slices = {0};
    size_t seen = 0;
    size_t slices_made = 1;
    scatter();
    fake_os.look_takes = SLICE_US + 1;
    for (; brkm__slices_next(&slices, count, &seen); slices_made++) {
        ck_assert_uint_le(seen, slices_made * 64);
    }
    ck_assert_uint_gt(seen, BLOCKS / 5);
}
END_TEST

static void add_address(void *context, const struct walk *at)
{
    uint64_t *sum = context;
    *sum = (*sum + (uintptr_t)at->block) * BRKM_MIXING_FACTOR + at->state + at->size;
}

/* With and without a look ahead, which a slow clock forbids, and while a program stores what could
 * pass for headers. */
START_TEST(what_is_read_ahead_changes_nothing)
{
    struct slices ahead = {0};
    struct slices slow = {0};
    uint64_t sums[2] = {0};
    scatter();
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i] != NULL) {
            memcpy(blocks[i], (char *)blocks[i] - BRKM_HEADER_SIZE, BRKM_HEADER_SIZE);
        }
    }
    while (brkm__slices_next(&ahead, add_address, &sums[0])) {
    }
    ck_assert_uint_ge(ahead.stretch, 256);
    fake_os.look_takes = SLICE_US;
    while (brkm__slices_next(&slow, add_address, &sums[1])) {
        slow.mean = 0;
    }
    ck_assert_uint_eq(sums[0], sums[1]);
}
END_TEST

static atomic_bool done;

static void *work(void *unused)
{
    void *mine[200] = {NULL};
    uint64_t own_seed = 99;
    (void)unused;
    while (!atomic_load(&done)) {
        unsigned slot = unit_random(&own_seed) % 200;
        brkm_free(mine[slot]);
        mine[slot] = brkm_malloc(unit_random(&own_seed) % 20000);
    }
    for (unsigned i = 0; i < 200; i++) {
        brkm_free(mine[i]);
    }
    return NULL;
}

START_TEST(a_thread_that_works_does_no_harm)
{
    pthread_t thread;
    scatter();
    ck_assert_int_eq(pthread_create(&thread, NULL, work, NULL), 0);
    for (int round = 0; round < 20; round++) {
        struct memory_shares *shares = brkm__shares_make();
        ck_assert_uint_gt(pinned_by_classes(shares), BRKM_MIB);
        ck_assert_uint_gt(sum_of_hints(), BRKM_MIB);
        brkm__shares_free(shares);
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

static void expect_whole(const struct heap_map *map)
{
    for (size_t i = 0; i < map->regions_used; i++) {
        const struct heap_map_region *region = &map->regions[i];
        size_t sum = 0;
        size_t runs = 0;
        for (unsigned kind = 0; kind < RUN_KINDS_OF_REGIONS; kind++) {
            sum += region->bytes[kind];
        }
        for (size_t run = 0; run < region->runs; run++) {
            runs += map->runs[region->first_run + run].bytes;
        }
        ck_assert_uint_eq(sum, region->end - region->start);
        ck_assert_uint_eq(runs, sum);
        ck_assert_uint_eq(region->bytes[RUN_DAMAGED], 0);
    }
    ck_assert_uint_eq(map->runs_left_out, 0);
}

/* Blocks that stay are in each map, whatever the threads do. */
START_TEST(maps_are_whole_while_threads_work)
{
    pthread_t threads[2];
    size_t kept = 0;
    scatter();
    for (unsigned i = 0; i < BLOCKS; i++) {
        kept += blocks[i] == NULL ? 0 : brkm_malloc_usable_size(blocks[i]) + BRKM_HEADER_SIZE;
    }
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
    }
    for (int round = 0; round < 8; round++) {
        struct heap_map *map =
            brkm__heap_map_make(round % 2 == 0 ? HEAP_MAP_BY_BLOCKS : HEAP_MAP_BY_RUNS);
        expect_whole(map);
        ck_assert_uint_ge(map->regions[0].bytes[RUN_USED], kept);
        brkm__heap_map_free(map);
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
}
END_TEST

/* ---- The function ---- */

START_TEST(flags_and_memory)
{
    char text[4096];
    FILE *stream = fmemopen(text, sizeof(text), "w");
    ck_assert_int_eq(brkm_explain_memory(stream, 2), EINVAL);
    ck_assert_int_eq(brkm_explain_memory(stream, BRKM_EXPLAIN_JSON), 0);
    fclose(stream);
    ck_assert_int_eq(text[0], '{');
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    ck_assert_int_eq(brkm__explain_memory(NULL, NULL, 0), ENOMEM);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("explain_memory");
    TCase *alone = unit_case(suite, "alone");
    tcase_add_test(alone, the_hints_add_up_to_what_is_pinned);
    tcase_add_test(alone, the_parts_are_those_of_the_statistics);
    tcase_add_test(alone, the_kernel_family_has_a_row);
    tcase_add_test(alone, a_block_alone_has_its_page);
    tcase_add_test(alone, other_pointers_have_no_hint);
    tcase_add_test(alone, what_stays_is_seen_once);
    tcase_add_test(alone, rests_fill_the_gaps);
    tcase_add_test(alone, the_rest_of_a_block_that_grew_is_seen);
    tcase_add_test(alone, a_walk_ends_where_no_mark_stays);
    tcase_add_test(alone, a_slice_ends_when_its_time_is_up);
    tcase_add_test(alone, what_is_read_ahead_changes_nothing);
    tcase_add_test(alone, a_thread_that_works_does_no_harm);
    tcase_add_test(alone, maps_are_whole_while_threads_work);
    tcase_add_test(alone, flags_and_memory);
    return suite;
}
