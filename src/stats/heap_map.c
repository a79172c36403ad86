/* SPDX-License-Identifier: MIT
 * See heap_map.h. */
#include "stats/heap_map.h"

#include "heap/heaps.h"
#include "heap/walk.h"
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
    map->runs[map->runs_used++] = (struct heap_run){.kind = (uint32_t)kind};
}

/* Adds bytes behind those of the region so far; `blocks` begin in them. */
static void add(struct heap_map *map, struct heap_map_region *region, enum run_kind kind,
                size_t bytes, uint32_t blocks)
{
    if (bytes == 0) {
        return;
    }
    region->bytes[kind] += bytes;
    bool continues = region->runs != 0 && map->runs_left_out == 0 &&
                     map->runs[map->runs_used - 1].kind == (uint32_t)kind;
    if (!continues) {
        if (map->runs_used == HEAP_MAP_RUNS) {
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
    default:
        add(map, region, RUN_USED, at->size, at->size != 0 && at->state != BLOCK_CHUNK_EDGE);
    }
}

static size_t map_bytes(void)
{
    return align_up(sizeof(struct heap_map), brkm__os_page_size());
}

struct heap_map *brkm__heap_map_make(void)
{
    struct heap_map *map = brkm__os_map(map_bytes());
    if (map == NULL) {
        return NULL;
    }
    struct walk walk = {0};
    struct heap_map_region *region = NULL;
    brkm__heaps_acquire();
    while (brkm__walk_step(&walk)) {
        region = walk_begins_region(&walk) ? begin_region(map, walk.region) : region;
        add_block(map, region, &walk, &brkm__main_heap.top);
    }
    brkm__heaps_release();
    return map;
}

void brkm__heap_map_free(struct heap_map *map)
{
    brkm__os_unmap(map, map_bytes());
}
