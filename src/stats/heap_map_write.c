/* SPDX-License-Identifier: MIT
 * See heap_map.h. */
#include "brkmalloc/brkmalloc.h"
#include "kit/options.h"
#include "malloc/watcher.h"
#include "stats/heap_map.h"
#include "stats/json.h"
#include "system/os.h"

static const char *const area_words[AREA_KINDS] = {
#define BRKM_AREA_WORD(kind, word) word,
    BRKM_AREA_KINDS(BRKM_AREA_WORD)
#undef BRKM_AREA_WORD
};

/* ["kind",bytes,blocks], and the site where it is known */
static void add_run(struct writer *writer, const struct heap_run *run)
{
    brkm__writer_add(writer, "[\"");
    brkm__writer_add(writer, brkm__run_words[run->kind]);
    brkm__writer_add(writer, "\",");
    brkm__writer_add_number(writer, run->bytes);
    brkm__writer_add(writer, ",");
    brkm__writer_add_number(writer, run->blocks);
    if (run->site != 0) {
        brkm__writer_add(writer, ",");
        brkm__writer_add_number(writer, run->site);
    }
    brkm__writer_add(writer, "]");
}

static void add_runs(struct writer *writer, const struct heap_map *map, size_t first, size_t runs)
{
    brkm__writer_add(writer, ",\n\"runs\":[");
    for (size_t i = 0; i < runs; i++) {
        brkm__writer_add(writer, i == 0 ? "" : i % 8 == 0 ? ",\n" : ",");
        add_run(writer, &map->runs[first + i]);
    }
    brkm__writer_add(writer, "]");
}

static void add_region(struct writer *writer, const struct heap_map *map,
                       const struct heap_map_region *region)
{
    brkm__writer_add(writer, region->is_break ? "{\"kind\":\"break\"" : "{\"kind\":\"fallback\"");
    brkm__json_add_member(writer, ",", "start", region->start);
    for (size_t kind = 0; kind < RUN_KINDS_OF_REGIONS; kind++) {
        brkm__json_add_member(writer, ",", brkm__run_words[kind], region->bytes[kind]);
    }
    brkm__json_add_member(writer, ",", "largest_free", region->largest_free);
    add_runs(writer, map, region->first_run, region->runs);
    brkm__writer_add(writer, "}");
}

/* What is only known of some is left out of others. */
static void add_known(struct writer *writer, const char *key, uint64_t number, bool is_known)
{
    if (is_known) {
        brkm__json_add_member(writer, ",", key, number);
    }
}

static void add_block(struct writer *writer, const struct heap_map_area *area)
{
    const struct outside_area *told = &area->told;
    brkm__json_add_member(writer, ",", "payload", told->payload);
    add_known(writer, "usable", told->usable, !told->is_retired);
    add_known(writer, "requested", told->requested, told->requested != 0);
    add_known(writer, "site", area->site, area->site != 0);
    brkm__writer_add(writer, told->is_retired ? ",\"state\":\"retired\"" : ",\"state\":\"used\"");
}

static void add_area(struct writer *writer, const struct heap_map *map,
                     const struct heap_map_area *area)
{
    brkm__writer_add(writer, "{\"kind\":\"");
    brkm__writer_add(writer, area_words[area->told.kind]);
    brkm__writer_add(writer, "\"");
    brkm__json_add_member(writer, ",", "start", area->told.start);
    brkm__json_add_member(writer, ",", "bytes", area->told.bytes);
    add_known(writer, "resident", area->resident, area->resident != SIZE_MAX);
    if (area->told.kind == AREA_SECTION) {
        add_runs(writer, map, area->first_run, area->runs);
    } else {
        add_block(writer, area);
    }
    brkm__writer_add(writer, "}");
}

static void add_areas(struct writer *writer, const struct heap_map *map)
{
    brkm__json_add_member(writer, ",\n", "areas_left_out", map->areas_left_out);
    brkm__writer_add(writer, ",\"areas\":[");
    for (size_t i = 0; i < map->areas_used; i++) {
        brkm__writer_add(writer, i == 0 ? "\n" : ",\n");
        add_area(writer, map, &map->areas[i]);
    }
    brkm__writer_add(writer, "]");
}

static void add_site(struct writer *writer, const void *stack, size_t number)
{
    brkm__json_add_member(writer, "{", "site", number);
    brkm__writer_add(writer, ",\"stack\":[");
    brkm__json_add_frames(writer, stack, SIZE_MAX);
    brkm__writer_add(writer, "],\"builds\":[");
    brkm__json_add_builds(writer, stack, SIZE_MAX);
    brkm__writer_add(writer, "]}");
}

static void add_sites(struct writer *writer, const struct heap_map *map)
{
    const char *separator = "\n";
    brkm__json_add_member(writer, ",\n", "interval",
                          max_size(brkm__option_get(OPTION_profile_interval), 1));
    brkm__writer_add(writer, ",\"sites\":[");
    for (size_t place = 0; place < HEAP_MAP_SITES; place++) {
        if (map->sites[place] != NULL) {
            brkm__writer_add(writer, separator);
            add_site(writer, map->sites[place], place + 1);
            separator = ",\n";
        }
    }
    brkm__writer_add(writer, "]");
}

void brkm__heap_map_write(struct writer *writer, const struct heap_map *map)
{
    brkm__writer_add(writer, "{\"version\":\"");
    brkm__writer_add(writer, brkm_version());
    brkm__writer_add(writer, "\"");
    brkm__json_add_member(writer, ",", "process", (uint64_t)brkm__os_process_id());
    brkm__json_add_member(writer, ",", "page", brkm__os_page_size());
    brkm__json_add_member(writer, ",", "runs_left_out", map->runs_left_out);
    if (map->detail == HEAP_MAP_BY_BLOCKS) {
        brkm__writer_add(writer, ",\"detail\":\"blocks\"");
    }
    if (relaxed_load(brkm__recorder) != NULL) {
        add_sites(writer, map);
    }
    brkm__writer_add(writer, ",\n\"regions\":[");
    for (size_t i = 0; i < map->regions_used; i++) {
        brkm__writer_add(writer, i == 0 ? "\n" : ",\n");
        add_region(writer, map, &map->regions[i]);
    }
    brkm__writer_add(writer, "]");
    add_areas(writer, map);
    brkm__writer_add(writer, "}\n");
}
