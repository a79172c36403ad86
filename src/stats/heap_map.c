/* SPDX-License-Identifier: MIT
 * See heap_map.h. */
#include "stats/heap_map.h"

#include "heap/heaps.h"
#include "heap/walk.h"
#include "malloc/watcher.h"
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

/* Adds bytes behind those of the region so far; `blocks` begin in them. */
static void add(struct heap_map *map, struct heap_map_region *region, enum run_kind kind,
                size_t bytes, uint32_t blocks)
{
    if (bytes == 0) {
        return;
    }
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

static void add_free(struct heap_map *map, struct heap_map_region *region,
                     const struct mem_control_block *block, size_t size)
{
    struct page_range clean = block_clean_pages(block);
    region->largest_free = max_size(region->largest_free, size);
    if (page_range_bytes(clean) == 0) {
        add(map, region, RUN_FREE, size, 1);
        return;
    }
    add(map, region, RUN_FREE, clean.start - (uintptr_t)block, 1);
    add(map, region, RUN_PURGED, page_range_bytes(clean), 0);
    add(map, region, RUN_FREE, (uintptr_t)block + size - clean.end, 0);
}

static void add_top(struct heap_map *map, struct heap_map_region *region, const struct top *top)
{
    uintptr_t start = (uintptr_t)top->block;
    uintptr_t written = min_size(max_size(top->zero_from, start), top->end);
    add(map, region, RUN_TOP, written - start, 0);
    add(map, region, RUN_RESERVED, top->end - written, 0);
}

static void add_noted(struct heap_map *map, struct heap_map_region *region, size_t size)
{
    add(map, region, RUN_USED, size, 1);
    if (map->runs_left_out == 0) {
        map->runs[map->runs_used - 1].is_noted = true;
    }
}

/* ---- Regions ---- */

static struct heap_map_region *begin_region(struct heap_map *map, const struct region *region)
{
    struct heap_map_region *to = &map->regions[map->regions_used++];
    to->is_break = region->kind == REGION_BREAK;
    to->start = (uintptr_t)region->first;
    to->first_run = map->runs_used;
    return to;
}

static void add_block(struct heap_map *map, struct heap_map_region *region, const struct walk *at,
                      const struct top *top)
{
    switch (at->state) {
    case BLOCK_TOP:
        add_top(map, region, top);
        break;
    case BLOCK_FREE:
        add_free(map, region, at->block, at->size);
        break;
    case BLOCK_CACHED:
        add(map, region, RUN_CACHED, at->size, 1);
        break;
    case BLOCK_DAMAGED:
        add(map, region, RUN_DAMAGED, at->size, 1);
        break;
    case BLOCK_NOTED:
        add_noted(map, region, at->size);
        break;
    default:
        add(map, region, RUN_USED, at->size, at->size != 0 && at->state != BLOCK_CHUNK_EDGE);
    }
}

/* ---- Call sites, when the heap is open again ---- */

/* 0 when there are too many. */
static uint16_t site_of(struct heap_map *map, const void *stack)
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
        run->site = note.address != 0 ? site_of(map, note.stack) : 0;
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

static void look_at_heap(struct heap_map *map)
{
    struct walk walk = {0};
    struct heap_map_region *region = NULL;
    brkm__heaps_acquire();
    while (brkm__walk_step(&walk)) {
        region = walk_begins_region(&walk) ? begin_region(map, walk.region) : region;
        add_block(map, region, &walk, &brkm__main_heap.top);
    }
    brkm__heaps_release();
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
    look_at_heap(map);
    if (detail == HEAP_MAP_BY_BLOCKS) {
        find_sites(map);
    }
    return map;
}

void brkm__heap_map_free(struct heap_map *map)
{
    brkm__os_unmap(map, map_bytes(map->capacity));
}
