/* SPDX-License-Identifier: MIT
 * See heap_map.h. */
#include "stats/heap_map.h"

#include "heap/heap.h"
#include "heap/regions.h"
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

static bool is_good(enum block_state state, size_t size, size_t room)
{
    return state != BLOCK_DAMAGED && size >= BRKM_MIN_BLOCK && size <= room;
}

static void add_blocks(struct heap_map *map, struct heap_map_region *to,
                       const struct region *region, const struct heap *heap)
{
    const struct mem_control_block *block = region->first;
    for (;;) {
        enum block_state state = block_state(block);
        if (state == BLOCK_TOP) {
            add_top(map, to, &heap->top);
        }
        if (state == BLOCK_TOP || state == BLOCK_FENCEPOST) {
            return;
        }
        size_t size = state == BLOCK_DAMAGED ? 0 : block_size(block);
        size_t room = region->end - (uintptr_t)block;
        if (!is_good(state, size, room)) {
            add(map, to, RUN_DAMAGED, room, 1);
            return;
        }
        if (state == BLOCK_FREE) {
            add_free(map, to, block, size);
        } else {
            add(map, to, state == BLOCK_CACHED ? RUN_CACHED : RUN_USED, size, 1);
        }
        block = block_at_offset(block, size);
    }
}

static size_t map_bytes(void)
{
    return align_up(sizeof(struct heap_map), brkm__os_page_size());
}

struct heap_map *brkm__heap_map_make(void)
{
    struct heap *heap = &brkm__main_heap;
    struct heap_map *map = brkm__os_map(map_bytes());
    if (map == NULL) {
        return NULL;
    }
    lock_acquire(&heap->lock);
    for (const struct region *region = brkm__regions_next(NULL); region != NULL;
         region = brkm__regions_next(region)) {
        struct heap_map_region *to = &map->regions[map->regions_used++];
        to->is_break = region->kind == REGION_BREAK;
        to->start = (uintptr_t)region->first;
        to->first_run = map->runs_used;
        add_blocks(map, to, region, heap);
    }
    lock_release(&heap->lock);
    return map;
}

void brkm__heap_map_free(struct heap_map *map)
{
    brkm__os_unmap(map, map_bytes());
}
