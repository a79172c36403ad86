/* SPDX-License-Identifier: MIT
 * See heap_map.h. */
#include "stats/heap_map.h"

#include "heap/heaps.h"
#include "heap/walk.h"
#include "malloc/watcher.h"
#include "stats/heap_areas.h"
#include "stats/pages.h"
#include "stats/slices.h"
#include "system/os.h"

const char *const brkm__run_words[RUN_KINDS] = {
#define BRKM_RUN_WORD(kind, word) word,
    BRKM_RUN_KINDS(BRKM_RUN_WORD)
#undef BRKM_RUN_WORD
};

/* ---- Runs ---- */

static void begin_run(struct heap_map *map, struct heap_map_region *region, enum run_kind kind)
{
    region->runs++;
    map->runs[map->runs_used++] = (struct heap_run){.kind = (uint8_t)kind};
}

/* Adds what lies between the runs of the region so far and `end`; `blocks` begin there. */
static void add(struct heap_map *map, struct heap_map_region *region, enum run_kind kind,
                uintptr_t end, uint32_t blocks)
{
    if (end <= region->end) {
        return;
    }
    size_t bytes = end - region->end;
    region->end = end;
    region->bytes[kind] += bytes;
    bool continues = map->detail == HEAP_MAP_BY_RUNS && region->runs != 0 &&
                     map->runs_left_out == 0 && map->runs[map->runs_used - 1].kind == (uint8_t)kind;
    if (!continues) {
        if (map->runs_used == map->capacity) {
            map->runs_left_out++;
            return;
        }
        begin_run(map, region, kind);
    }
    struct heap_run *run = &map->runs[map->runs_used - 1];
    run->bytes += bytes;
    run->blocks += blocks;
}

static void add_free(struct heap_map *map, struct heap_map_region *region, const struct walk *at,
                     uint32_t blocks)
{
    struct page_range clean = block_clean_pages(at->block);
    region->largest_free = max_size(region->largest_free, at->size);
    if (page_range_bytes(clean) != 0) {
        add(map, region, RUN_FREE, clean.start, blocks);
        add(map, region, RUN_PURGED, clean.end, 0);
        blocks = 0;
    }
    add(map, region, RUN_FREE, walk_block_end(at), blocks);
}

static void add_top(struct heap_map *map, struct heap_map_region *region, const struct top *top)
{
    add(map, region, RUN_TOP, min_size(top->zero_from, top->end), 0);
    add(map, region, RUN_RESERVED, top->end, 0);
}

static void add_used(struct heap_map *map, struct heap_map_region *region, const struct walk *at,
                     uint32_t blocks)
{
    add(map, region, RUN_USED, walk_block_end(at), blocks);
    if (at->state == BLOCK_NOTED && blocks != 0 && map->runs_left_out == 0) {
        map->runs[map->runs_used - 1].is_noted = true;
    }
}

/* ---- Regions ---- */

static void begin_region(struct heap_map *map, const struct region *region)
{
    struct heap_map_region *to = &map->regions[map->regions_used++];
    to->is_break = region->kind == REGION_BREAK;
    to->start = to->end = (uintptr_t)region->first;
    to->first_run = map->runs_used;
}

static void add_block(struct heap_map *map, struct heap_map_region *region, const struct walk *at)
{
    uint32_t blocks = (uintptr_t)at->block >= region->end;
    switch (at->state) {
    case BLOCK_TOP:
        add_top(map, region, &brkm__main_heap.top);
        break;
    case BLOCK_FREE:
        add_free(map, region, at, blocks);
        break;
    case BLOCK_CACHED:
        add(map, region, RUN_CACHED, walk_block_end(at), blocks);
        break;
    case BLOCK_DAMAGED:
        add(map, region, RUN_DAMAGED, walk_block_end(at), blocks);
        break;
    case BLOCK_CHUNK_EDGE:
    case BLOCK_FENCEPOST:
        add(map, region, RUN_USED, walk_block_end(at), 0);
        break;
    default:
        add_used(map, region, at, blocks);
    }
}

/* Not by the block: the region's first is seen again where it grew. */
static bool is_begun(const struct heap_map *map, const struct region *region)
{
    return map->regions_used != 0 &&
           map->regions[map->regions_used - 1].start == (uintptr_t)region->first;
}

static void see(void *context, const struct walk *at)
{
    struct heap_map *map = context;
    if (!is_begun(map, at->region)) {
        begin_region(map, at->region);
    }
    add_block(map, &map->regions[map->regions_used - 1], at);
}

/* ---- Call sites, when the heap is open again ---- */

uint16_t brkm__heap_map_site(struct heap_map *map, const void *stack)
{
    size_t place = (uintptr_t)stack * BRKM_MIXING_FACTOR >> 40 & (HEAP_MAP_SITES - 1);
    for (size_t i = 0; i < HEAP_MAP_SITES; i++, place = (place + 1) & (HEAP_MAP_SITES - 1)) {
        if (map->sites[place] == NULL || map->sites[place] == stack) {
            map->sites[place] = stack;
            return (uint16_t)(place + 1);
        }
    }
    return 0;
}

static void find_sites_of(struct heap_map *map, const struct heap_map_region *region,
                          const struct recorder *recorder)
{
    uintptr_t at = region->start;
    for (size_t i = 0; i < region->runs; i++) {
        struct heap_run *run = &map->runs[region->first_run + i];
        struct note note = {0};
        if (run->is_noted) {
            note = recorder->find((const void *)(at + BRKM_HEADER_SIZE));
        }
        run->site = note.address != 0 ? brkm__heap_map_site(map, note.stack) : 0;
        at += run->bytes;
    }
}

static void find_sites(struct heap_map *map)
{
    const struct recorder *recorder = relaxed_load(brkm__recorder);
    for (size_t i = 0; recorder != NULL && i < map->regions_used; i++) {
        find_sites_of(map, &map->regions[i], recorder);
    }
}

/* ---- The whole ---- */

static size_t map_bytes(size_t runs)
{
    return align_up(sizeof(struct heap_map) + runs * sizeof(struct heap_run), brkm__os_page_size());
}

/* Runs of a slice: a free block has up to three. */
#define RUNS_OF_SLICE (3 * (size_t)SLICE_BLOCKS)

void brkm__heap_map_prepare(struct heap_map *map, size_t runs)
{
    size_t room = min_size(map->capacity - map->runs_used, runs);
    size_t step = brkm__os_page_size() / sizeof(struct heap_run);
    for (size_t i = 0; i < room; i += step) {
        map->runs[map->runs_used + i] = (struct heap_run){0};
    }
}

static void look_at_regions(struct heap_map *map)
{
    struct slices slices = {.with_rests = true};
    do {
        brkm__heap_map_prepare(map, RUNS_OF_SLICE);
    } while (brkm__slices_next(&slices, see, map));
}

struct heap_map *brkm__heap_map_make(enum heap_map_detail detail)
{
    size_t capacity = detail == HEAP_MAP_BY_BLOCKS ? HEAP_MAP_BLOCKS : HEAP_MAP_RUNS;
    struct heap_map *map = brkm__os_map(map_bytes(capacity));
    if (map == NULL) {
        return NULL;
    }
    map->detail = detail;
    map->capacity = capacity;
    look_at_regions(map);
    if (detail == HEAP_MAP_BY_BLOCKS) {
        find_sites(map);
    }
    if (!brkm__heap_areas_find(map)) {
        brkm__os_unmap(map, map_bytes(capacity));
        return NULL;
    }
    return map;
}

void brkm__heap_map_free(struct heap_map *map)
{
    brkm__heap_areas_free(map);
    brkm__os_unmap(map, map_bytes(map->capacity));
}
