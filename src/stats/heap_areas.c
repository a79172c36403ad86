/* SPDX-License-Identifier: MIT
 * See heap_areas.h. */
#include "stats/heap_areas.h"

#include "heap/mapped.h"
#include "malloc/watcher.h"
#include "system/os.h"

/* Times that the look at mapped blocks may begin anew, as their table was replaced by another: each
 * is for twice as many, or came after many blocks had gone. */
#define LOOKS_MAX 8u

static size_t areas_bytes(void)
{
    return align_up(HEAP_MAP_AREAS * sizeof(struct heap_map_area), brkm__os_page_size());
}

/* ---- Areas ---- */

static void prepare(struct heap_map *map, size_t areas)
{
    size_t room = min_size(HEAP_MAP_AREAS - map->areas_used, areas);
    size_t step = brkm__os_page_size() / sizeof(struct heap_map_area);
    for (size_t i = 0; i < room; i += step) {
        map->areas[map->areas_used + i] = (struct heap_map_area){0};
    }
}

static void add_area(void *context, const struct outside_area *area)
{
    struct heap_map *map = context;
    map->has_area = map->areas_used < HEAP_MAP_AREAS;
    if (!map->has_area) {
        map->areas_left_out++;
        return;
    }
    map->areas[map->areas_used++] =
        (struct heap_map_area){.told = *area, .first_run = map->runs_used};
}

/* ---- Mapped blocks ---- */

static void see_mapped(void *context, const struct mapped_sight *sight)
{
    const struct mapped_place *place = &sight->place;
    struct outside_area area = {
        .start = sight->start,
        .bytes = sight->bytes,
        .payload = (uintptr_t)place->payload,
        .usable = place->is_retired ? 0 : place->size,
        .requested = place->is_retired ? place->size : 0,
        .kind = AREA_MAPPED,
        .is_retired = place->is_retired,
    };
    add_area(context, &area);
}

static void look_at_mapped(struct heap_map *map)
{
    struct mapped_look look = {0};
    unsigned begun = 0;
    bool more;
    do {
        if (look.begun != begun) {
            map->areas_used = map->areas_left_out = 0;
            begun = look.begun;
        }
        prepare(map, MAPPED_LOOK_PLACES);
        more = brkm__mapped_look(&look, see_mapped, map);
    } while (more && look.begun <= LOOKS_MAX);
    if (more) {
        map->areas_used = 0;
        map->areas_left_out = brkm__mapped_totals().count;
    }
}

/* ---- What others tell ---- */

static void prepare_both(void *context, size_t areas, size_t runs)
{
    prepare(context, areas);
    brkm__heap_map_prepare(context, runs);
}

/* Neighbours are one run where only runs are wanted, and their blocks are as large. */
static bool continues(const struct heap_map *map, const struct heap_map_area *area, uint8_t kind,
                      const struct outside_blocks *blocks)
{
    const struct heap_run *last = &map->runs[map->runs_used - 1];
    return map->detail == HEAP_MAP_BY_RUNS && area->runs != 0 && last->kind == kind &&
           last->blocks != 0 && blocks->count != 0 &&
           last->bytes / last->blocks == blocks->bytes / blocks->count;
}

static void add_run(void *context, const struct outside_blocks *blocks)
{
    static const uint8_t kinds[] = {
        [OUTSIDE_PAGES] = RUN_PAGES,   [OUTSIDE_OBJECTS] = RUN_OBJECTS,
        [OUTSIDE_CACHED] = RUN_CACHED, [OUTSIDE_FREE] = RUN_FREE,
        [OUTSIDE_PURGED] = RUN_PURGED, [OUTSIDE_DAMAGED] = RUN_DAMAGED,
    };
    struct heap_map *map = context;
    if (blocks->bytes == 0 || !map->has_area) {
        return;
    }
    struct heap_map_area *area = &map->areas[map->areas_used - 1];
    if (!continues(map, area, kinds[blocks->kind], blocks)) {
        if (map->runs_used == map->capacity) {
            map->runs_left_out++;
            return;
        }
        area->runs++;
        map->runs[map->runs_used++] =
            (struct heap_run){.kind = kinds[blocks->kind], .is_noted = blocks->is_noted};
    }
    struct heap_run *run = &map->runs[map->runs_used - 1];
    run->bytes += blocks->bytes;
    run->blocks += (uint32_t)blocks->count;
}

/* ---- The whole, with nothing locked ---- */

static uint16_t site_of(struct heap_map *map, uintptr_t address, const struct recorder *recorder)
{
    struct note note = recorder->find((const void *)address);
    return note.address != 0 ? brkm__heap_map_site(map, note.stack) : 0;
}

static void find_sites(struct heap_map *map, struct heap_map_area *area,
                       const struct recorder *recorder)
{
    if (area->told.payload != 0 && !area->told.is_retired) {
        area->site = site_of(map, area->told.payload, recorder);
    }
    uintptr_t at = area->told.start;
    for (size_t i = 0; i < area->runs && map->detail == HEAP_MAP_BY_BLOCKS; i++) {
        struct heap_run *run = &map->runs[area->first_run + i];
        run->site = run->is_noted ? site_of(map, at, recorder) : 0;
        at += run->bytes;
    }
}

bool brkm__heap_areas_find(struct heap_map *map)
{
    struct outside_listener listener = {prepare_both, add_area, add_run, map};
    map->areas = brkm__os_map(areas_bytes());
    if (map->areas == NULL) {
        return false;
    }
    look_at_mapped(map);
    brkm__outside_tell(&listener);
    const struct recorder *recorder = relaxed_load(brkm__recorder);
    for (size_t i = 0; i < map->areas_used; i++) {
        struct heap_map_area *area = &map->areas[i];
        area->resident = brkm__os_resident((const void *)area->told.start, area->told.bytes);
        if (recorder != NULL) {
            find_sites(map, area, recorder);
        }
    }
    return true;
}

void brkm__heap_areas_free(struct heap_map *map)
{
    brkm__os_unmap(map->areas, areas_bytes());
}
