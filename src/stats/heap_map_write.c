/* SPDX-License-Identifier: MIT
 * See heap_map.h. */
#include "brkmalloc/brkmalloc.h"
#include "kit/options.h"
#include "malloc/watcher.h"
#include "stats/heap_map.h"
#include "stats/json.h"
#include "system/os.h"

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

static void add_region(struct writer *writer, const struct heap_map *map,
                       const struct heap_map_region *region)
{
    brkm__writer_add(writer, region->is_break ? "{\"kind\":\"break\"" : "{\"kind\":\"fallback\"");
    brkm__json_add_member(writer, ",", "start", region->start);
    for (size_t kind = 0; kind < RUN_KINDS; kind++) {
        brkm__json_add_member(writer, ",", brkm__run_words[kind], region->bytes[kind]);
    }
    brkm__json_add_member(writer, ",", "largest_free", region->largest_free);
    brkm__writer_add(writer, ",\n\"runs\":[");
    for (size_t i = 0; i < region->runs; i++) {
        brkm__writer_add(writer, i == 0 ? "" : i % 8 == 0 ? ",\n" : ",");
        add_run(writer, &map->runs[region->first_run + i]);
    }
    brkm__writer_add(writer, "]}");
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
    if (map->detail == HEAP_MAP_BY_BLOCKS && relaxed_load(brkm__recorder) != NULL) {
        add_sites(writer, map);
    }
    brkm__writer_add(writer, ",\n\"regions\":[");
    for (size_t i = 0; i < map->regions_used; i++) {
        brkm__writer_add(writer, i == 0 ? "\n" : ",\n");
        add_region(writer, map, &map->regions[i]);
    }
    brkm__writer_add(writer, "]}\n");
}
