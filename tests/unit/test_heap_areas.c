/* SPDX-License-Identifier: MIT
 * heap_areas.h on the real system: mapped and guarded blocks and the memory of the kernel's family
 * in a picture of the heap. */
#include "stats/heap_areas.h"

#include <string.h>

#include "brkmalloc/kernel.h"
#include "guard/guarded.h"
#include "heap/mapped.h"
#include "kernel/slab.h"
#include "kit/options.h"
#include "system/os.h"
#include "unit.h"

static struct heap_map *map;
static size_t page;

static void begin(void)
{
    page = brkm__os_page_size();
}

static void look(enum heap_map_detail detail)
{
    if (map != NULL) {
        brkm__heap_map_free(map);
    }
    map = brkm__heap_map_make(detail);
    ck_assert_ptr_nonnull(map);
    ck_assert_uint_eq(map->areas_left_out, 0);
}

/* The one area that an address lies in; NULL when there is none. */
static const struct heap_map_area *area_with(const void *address)
{
    const struct heap_map_area *found = NULL;
    for (size_t i = 0; i < map->areas_used; i++) {
        const struct outside_area *told = &map->areas[i].told;
        if ((uintptr_t)address - told->start < told->bytes) {
            ck_assert_ptr_null(found);
            found = &map->areas[i];
        }
    }
    return found;
}

/* ---- Mapped blocks ---- */

START_TEST(a_mapped_block_is_an_area)
{
    static const size_t sizes[] = {1, 100000, 5 * BRKM_MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *payload = brkm__mapped_allocate(sizes[i], 16);
        payload[0] = 1;
        size_t usable = 0;
        brkm__mapped_find(payload, &usable);
        look(HEAP_MAP_BY_RUNS);
        ck_assert_uint_eq(map->areas_used, i + 1);
        const struct heap_map_area *area = area_with(payload);
        ck_assert_ptr_nonnull(area);
        ck_assert_int_eq((int)area->told.kind, (int)AREA_MAPPED);
        ck_assert_uint_eq(area->told.payload, (uintptr_t)payload);
        ck_assert_uint_eq(area->told.usable, usable);
        ck_assert_uint_eq(area->told.start % page, 0);
        ck_assert_uint_eq(area->told.bytes, align_up(usable, page));
        ck_assert_uint_ge(area->resident, page);
        ck_assert_uint_le(area->resident, area->told.bytes);
        ck_assert(!area->told.is_retired);
    }
}
END_TEST

START_TEST(a_retired_block_keeps_its_addresses_and_no_pages)
{
    char *payload = brkm__mapped_allocate(100000, 16);
    memset(payload, 1, 100000);
    ck_assert_uint_ne(brkm__mapped_retire(payload, 99999), 0);
    look(HEAP_MAP_BY_BLOCKS);
    const struct heap_map_area *area = area_with(payload);
    ck_assert_ptr_nonnull(area);
    ck_assert(area->told.is_retired);
    ck_assert_uint_eq(area->told.requested, 99999);
    ck_assert_uint_eq(area->resident, 0);
    brkm__mapped_free(payload);
    look(HEAP_MAP_BY_BLOCKS);
    ck_assert_ptr_null(area_with(payload));
}
END_TEST

START_TEST(a_block_between_guards_is_an_area_without_them)
{
    ck_assert(brkm__option_set(OPTION_guard_pages, 1));
    char *payload = brkm__mapped_allocate(100000, 16);
    look(HEAP_MAP_BY_BLOCKS);
    const struct heap_map_area *area = area_with(payload);
    ck_assert_ptr_nonnull(area);
    ck_assert_uint_eq(area->told.bytes, align_up(100000 + 32, page));
    memset((void *)area->told.start, 1, 1); /* no guard is in it */
    memset((char *)area->told.start + area->told.bytes - 1, 1, 1);
}
END_TEST

enum { many = 3 * MAPPED_LOOK_PLACES };

START_TEST(each_of_many_mapped_blocks_is_there_once)
{
    static void *all[many];
    for (size_t i = 0; i < many; i++) {
        all[i] = brkm__mapped_allocate(100 + i, 16);
        ck_assert_ptr_nonnull(all[i]);
    }
    for (size_t i = 0; i < many; i += 3) {
        brkm__mapped_free(all[i]);
    }
    look(HEAP_MAP_BY_RUNS);
    ck_assert_uint_eq(map->areas_used, brkm__mapped_totals().count);
    size_t bytes = 0;
    for (size_t i = 0; i < map->areas_used; i++) {
        bytes += map->areas[i].told.bytes;
        ck_assert_int_eq((int)brkm__mapped_find((void *)map->areas[i].told.payload, NULL),
                         (int)MAPPED_IN_USE);
    }
    ck_assert_uint_eq(bytes, brkm__mapped_totals().bytes);
}
END_TEST

static size_t seen;

static void count(void *context, const struct mapped_sight *sight)
{
    (void)context;
    seen += sight->bytes != 0;
}

START_TEST(a_look_begins_anew_when_the_table_becomes_another)
{
    struct mapped_look at = {0};
    for (size_t i = 0; i < many; i++) {
        brkm__mapped_allocate(1, 16);
    }
    ck_assert(brkm__mapped_look(&at, count, NULL));
    ck_assert(brkm__mapped_look(&at, count, NULL));
    ck_assert_uint_eq(at.begun, 1);
    ck_assert_uint_gt(seen, 0);
    for (size_t i = 0; i < 4 * (size_t)many; i++) {
        brkm__mapped_allocate(1, 16);
    }
    size_t before = seen;
    ck_assert(brkm__mapped_look(&at, count, NULL));
    ck_assert_uint_eq(at.begun, 2);
    ck_assert_uint_eq(seen, before);
    seen = 0;
    while (brkm__mapped_look(&at, count, NULL)) {
    }
    ck_assert_uint_eq(seen, 5 * (size_t)many);
}
END_TEST

/* ---- Guarded blocks ---- */

START_TEST(a_guarded_block_is_an_area)
{
    char *block = brkm__guarded_allocate(100, 16, false);
    char *freed = brkm__guarded_allocate(200, 16, false);
    enum fault fault;
    ck_assert_ptr_nonnull(block);
    ck_assert(brkm__guarded_free(freed, &fault));
    look(HEAP_MAP_BY_RUNS);
    ck_assert_uint_eq(map->areas_used, 1);
    const struct heap_map_area *area = area_with(block);
    ck_assert_ptr_nonnull(area);
    ck_assert_int_eq((int)area->told.kind, (int)AREA_GUARDED);
    ck_assert_uint_eq(area->told.payload, (uintptr_t)block);
    ck_assert_uint_eq(area->told.requested, 100);
    ck_assert_uint_eq(area->told.bytes, page);
}
END_TEST

/* ---- The kernel's family ---- */

/* The run of a section that an address lies in, and where it begins. */
static const struct heap_run *run_with(const void *address, uintptr_t *start)
{
    const struct heap_map_area *area = area_with(address);
    ck_assert_ptr_nonnull(area);
    *start = area->told.start;
    for (size_t i = 0; i < area->runs; i++) {
        const struct heap_run *run = &map->runs[area->first_run + i];
        if ((uintptr_t)address - *start < run->bytes) {
            return run;
        }
        *start += run->bytes;
    }
    ck_abort_msg("no run");
}

static void expect_run(const void *address, enum run_kind kind, size_t bytes)
{
    uintptr_t start;
    const struct heap_run *run = run_with(address, &start);
    ck_assert_uint_eq(run->kind, kind);
    ck_assert_uint_eq(run->bytes, bytes);
    ck_assert_uint_eq(run->blocks, 1);
    ck_assert_uint_eq(start, (uintptr_t)address);
}

static void expect_tiled(void)
{
    for (size_t i = 0; i < map->areas_used; i++) {
        const struct heap_map_area *area = &map->areas[i];
        size_t bytes = 0;
        for (size_t k = 0; k < area->runs; k++) {
            bytes += map->runs[area->first_run + k].bytes;
        }
        ck_assert(area->told.kind != AREA_SECTION || bytes == area->told.bytes);
    }
}

START_TEST(pages_are_runs_of_a_section_by_their_order)
{
    char *blocks[4];
    for (unsigned order = 0; order < 4; order++) {
        blocks[order] = brkm_get_free_pages(BRKM_GFP_KERNEL, order);
    }
    char *freed = brkm_get_free_pages(BRKM_GFP_KERNEL, 5);
    memset(freed, 1, 32 * page);
    brkm_free_pages(freed, 5);
    look(HEAP_MAP_BY_BLOCKS);
    expect_tiled();
    for (unsigned order = 0; order < 4; order++) {
        expect_run(blocks[order], RUN_PAGES, page << order);
    }
    uintptr_t start;
    ck_assert_uint_eq(run_with(freed, &start)->kind, RUN_FREE);
}
END_TEST

START_TEST(objects_are_runs_of_their_slab)
{
    enum { objects = 100 };
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("objects", 208, 0, 0, NULL);
    char *all[objects];
    for (size_t i = 0; i < objects; i++) {
        all[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    }
    brkm_kmem_cache_free(cache, all[50]);
    look(HEAP_MAP_BY_BLOCKS);
    expect_tiled();
    for (size_t i = 0; i < objects; i++) {
        expect_run(all[i], i == 50 ? RUN_CACHED : RUN_OBJECTS, 208);
    }
    size_t in_use = 0;
    for (size_t i = 0; i < map->runs_used; i++) {
        in_use += map->runs[i].kind == RUN_OBJECTS && map->runs[i].blocks == 1;
    }
    ck_assert_uint_eq(in_use, objects - 1);
}
END_TEST

START_TEST(neighbours_of_one_size_are_one_run)
{
    enum { objects = 100 };
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("objects", 256, 0, 0, NULL);
    char *lowest = NULL;
    for (size_t i = 0; i < objects; i++) {
        char *object = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
        lowest = lowest == NULL || object < lowest ? object : lowest;
    }
    look(HEAP_MAP_BY_RUNS);
    expect_tiled();
    uintptr_t start;
    const struct heap_run *run = run_with(lowest, &start);
    ck_assert_uint_eq(run->kind, RUN_OBJECTS);
    ck_assert_uint_eq(run->blocks, objects);
    ck_assert_uint_eq(run->bytes, objects * 256);
}
END_TEST

START_TEST(a_slab_whose_cache_is_overwritten_is_damaged_and_others_are_not)
{
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("objects", 512, 0, 0, NULL);
    struct brkm_kmem_cache *other = brkm_kmem_cache_create("others", 512, 0, 0, NULL);
    char *object = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    char *whole = brkm_kmem_cache_alloc(other, BRKM_GFP_KERNEL);
    struct brkm_kmem_cache before = *cache;
    uintptr_t start;
    for (int byte = 0; byte < 256; byte += 85) {
        memset(cache, byte, sizeof(*cache));
        look(HEAP_MAP_BY_BLOCKS);
        expect_tiled();
        ck_assert_uint_eq(run_with(object, &start)->kind, RUN_DAMAGED);
        expect_run(whole, RUN_OBJECTS, 512);
    }
    *cache = before;
    look(HEAP_MAP_BY_BLOCKS);
    expect_run(object, RUN_OBJECTS, 512);
}
END_TEST

/* Whatever a part of it says: no byte of the section is missing or there twice. */
START_TEST(a_cache_that_is_overwritten_in_part_leads_nowhere)
{
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("objects", 512, 0, 0, NULL);
    struct slab *slab = page_of(brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL))->u.slab;
    struct brkm_kmem_cache before = *cache;
    for (size_t i = 0; i < offsetof(struct brkm_kmem_cache, ctor); i++) {
        for (int byte = 0; byte < 256; byte += 15) {
            ((char *)cache)[i] = (char)byte;
            look(HEAP_MAP_BY_RUNS);
            expect_tiled();
        }
        *cache = before;
    }
    memset(slab->states, 255, cache->objects);
    look(HEAP_MAP_BY_RUNS);
    expect_tiled();
}
END_TEST

START_TEST(a_vmalloc_area_is_an_area)
{
    char *all[300];
    for (size_t i = 0; i < 300; i++) {
        all[i] = brkm_vmalloc(1 + i * 100);
    }
    memset(all[200], 1, 20001);
    brkm_vfree(all[7]);
    look(HEAP_MAP_BY_RUNS);
    ck_assert_uint_eq(map->areas_used, 299);
    const struct heap_map_area *area = area_with(all[200]);
    ck_assert_int_eq((int)area->told.kind, (int)AREA_VMALLOC);
    ck_assert_uint_eq(area->told.payload, (uintptr_t)all[200]);
    ck_assert_uint_eq(area->told.usable, align_up(20001, page));
    ck_assert_uint_eq(area->resident, align_up(20001, page));
    ck_assert_ptr_null(area_with(all[7]));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("heap_areas");
    TCase *tests = unit_case(suite, "mapped");
    tcase_add_checked_fixture(tests, begin, NULL);
    tcase_add_test(tests, a_mapped_block_is_an_area);
    tcase_add_test(tests, a_retired_block_keeps_its_addresses_and_no_pages);
    tcase_add_test(tests, a_block_between_guards_is_an_area_without_them);
    tcase_add_test(tests, each_of_many_mapped_blocks_is_there_once);
    tcase_add_test(tests, a_look_begins_anew_when_the_table_becomes_another);
    tests = unit_case(suite, "others");
    tcase_add_checked_fixture(tests, begin, NULL);
    tcase_add_test(tests, a_guarded_block_is_an_area);
    tcase_add_test(tests, pages_are_runs_of_a_section_by_their_order);
    tcase_add_test(tests, objects_are_runs_of_their_slab);
    tcase_add_test(tests, neighbours_of_one_size_are_one_run);
    tcase_add_test(tests, a_slab_whose_cache_is_overwritten_is_damaged_and_others_are_not);
    tcase_add_test(tests, a_cache_that_is_overwritten_in_part_leads_nowhere);
    tcase_add_test(tests, a_vmalloc_area_is_an_area);
    return suite;
}
