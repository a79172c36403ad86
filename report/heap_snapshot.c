/* SPDX-License-Identifier: MIT
 * See heap_snapshot.h. */
#include "heap_snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "json_reader.h"

#define NAME_SIZE 32

/* Bytes of a frame or a build: two paths do not fit. */
#define FRAME_SIZE 8192

struct snapshot_reader {
    struct json json;
    struct heap_snapshot *snapshot;
    struct picture *picture;
    struct call_sites *sites;
    uint16_t from;
    uint16_t until;
};

#define NOT_KNOWN UINT64_MAX

/* What a run says of itself. */
struct run {
    int kind;
    uint64_t bytes;
    uint64_t blocks;
    uint64_t site; /* 0: not known */
};

/* A region, or an area beside them, whose members are being read in whatever order they stand. */
struct region_reader {
    uint64_t start;
    bool is_area;
    uint64_t sums[SPAN_KIND_COUNT]; /* as the snapshot says them */
    uint64_t bytes[SPAN_KIND_COUNT];
    uint64_t at; /* bytes of the runs so far */
    bool is_break;
};

static int kind_of(const char *word)
{
    for (int kind = 0; kind < SPAN_KIND_COUNT; kind++) {
        if (strcmp(word, span_kind_words[kind]) == 0) {
            return kind;
        }
    }
    return -1;
}

static bool add_run(struct snapshot_reader *reader, struct region_reader *region, struct run run)
{
    struct json *json = &reader->json;
    uint64_t address, end;
    if (run.blocks > UINT32_MAX || __builtin_add_overflow(region->start, region->at, &address) ||
        __builtin_add_overflow(region->at, run.bytes, &region->at) ||
        __builtin_add_overflow(address, run.bytes, &end)) {
        return json_wrong(json, "this run reaches beyond the highest address");
    }
    if (run.site > CALL_SITES_MAX) {
        return json_wrong(json, "there is no call site %" PRIu64, run.site);
    }
    region->bytes[run.kind] += run.bytes;
    reader->snapshot->bytes[run.kind] += run.bytes;
    reader->snapshot->blocks[run.kind] += run.blocks;
    if (!region->is_area && run.kind != SPAN_PURGED && run.kind != SPAN_RESERVED) {
        reader->snapshot->resident += run.bytes;
    }
    picture_add(reader->picture, (struct span){.address = address,
                                               .bytes = run.bytes,
                                               .blocks = (uint32_t)run.blocks,
                                               .from = reader->from,
                                               .until = reader->until,
                                               .site = reader->sites->of_file[run.site],
                                               .kind = (uint8_t)run.kind});
    return true;
}

static bool read_run(struct snapshot_reader *reader, struct region_reader *region)
{
    struct json *json = &reader->json;
    char word[NAME_SIZE];
    struct run run = {.site = 0};
    bool is_first = false;
    if (!json_take(json, '[') || !json_string(json, word, sizeof(word))) {
        return false;
    }
    run.kind = kind_of(word);
    if (run.kind < 0) {
        return json_wrong(json, "there is no kind of runs \"%s\"", word);
    }
    bool done = json_take(json, ',') && json_number(json, &run.bytes) && json_take(json, ',') &&
                json_number(json, &run.blocks);
    if (done && json_next(json, ']', &is_first)) {
        done = json_number(json, &run.site) && json_take(json, ']');
    }
    return done && !json->failed && add_run(reader, region, run);
}

static bool read_runs(struct snapshot_reader *reader, struct region_reader *region)
{
    struct json *json = &reader->json;
    if (!json_take(json, '[')) {
        return false;
    }
    for (bool first = true; json_next(json, ']', &first);) {
        if (!read_run(reader, region)) {
            return false;
        }
    }
    return !json->failed;
}

static bool read_start(struct json *json, struct region_reader *region)
{
    return region->at == 0 ? json_number(json, &region->start)
                           : json_wrong(json, "the start stands behind the runs");
}

static bool read_region_member(struct snapshot_reader *reader, struct region_reader *region)
{
    struct json *json = &reader->json;
    char name[NAME_SIZE];
    uint64_t largest = 0;
    if (!json_name(json, name, sizeof(name))) {
        return false;
    }
    if (strcmp(name, "runs") == 0) {
        return read_runs(reader, region);
    }
    if (strcmp(name, "kind") == 0) {
        char word[NAME_SIZE];
        bool done = json_string(json, word, sizeof(word));
        region->is_break = done && strcmp(word, "break") == 0;
        return done;
    }
    if (strcmp(name, "start") == 0) {
        return read_start(json, region);
    }
    if (strcmp(name, "largest_free") == 0) {
        bool done = json_number(json, &largest);
        uint64_t *most = &reader->snapshot->largest_free;
        *most = largest > *most ? largest : *most;
        return done;
    }
    int kind = kind_of(name);
    return kind < 0 ? json_skip(json) : json_number(json, &region->sums[kind]);
}

/* Where runs were left out only the sums are whole. */
static bool check_sums(struct snapshot_reader *reader, const struct region_reader *region)
{
    for (int kind = 0; kind < SPAN_KIND_COUNT; kind++) {
        if (region->bytes[kind] != region->sums[kind] && reader->snapshot->runs_left_out == 0) {
            return json_wrong(&reader->json,
                              "runs of %" PRIu64 " bytes %s in a region that says %" PRIu64,
                              region->bytes[kind], span_kind_words[kind], region->sums[kind]);
        }
    }
    return true;
}

static bool read_region(struct snapshot_reader *reader)
{
    struct region_reader region = {.start = 0};
    if (!json_take(&reader->json, '{')) {
        return false;
    }
    for (bool first = true; json_next(&reader->json, '}', &first);) {
        if (!read_region_member(reader, &region)) {
            return false;
        }
    }
    reader->snapshot->regions++;
    for (int kind = 0; kind < SPAN_KIND_COUNT && region.is_break; kind++) {
        reader->snapshot->break_bytes += region.sums[kind];
    }
    return !reader->json.failed && check_sums(reader, &region);
}

/* An array, each of whose values `read` takes. */
static bool read_all(struct snapshot_reader *reader, bool (*read)(struct snapshot_reader *reader))
{
    bool done = json_take(&reader->json, '[');
    for (bool first = true; done && json_next(&reader->json, ']', &first);) {
        done = read(reader);
    }
    return done && !reader->json.failed;
}

/* ---- Areas ---- */

/* A block outside of the regions, or a section of the kernel's family with its runs. */
struct area_reader {
    struct region_reader runs;
    char kind[NAME_SIZE];
    char state[NAME_SIZE];
    uint64_t bytes;
    uint64_t site;
    struct outside_block block;
};

static bool read_area_member(struct snapshot_reader *reader, struct area_reader *area)
{
    struct json *json = &reader->json;
    char name[NAME_SIZE];
    if (!json_name(json, name, sizeof(name))) {
        return false;
    }
    if (strcmp(name, "runs") == 0) {
        return read_runs(reader, &area->runs);
    }
    if (strcmp(name, "kind") == 0) {
        return json_string(json, area->kind, sizeof(area->kind));
    }
    if (strcmp(name, "state") == 0) {
        return json_string(json, area->state, sizeof(area->state));
    }
    if (strcmp(name, "start") == 0) {
        return read_start(json, &area->runs);
    }
    uint64_t *number = strcmp(name, "bytes") == 0       ? &area->bytes
                       : strcmp(name, "resident") == 0  ? &area->block.resident
                       : strcmp(name, "payload") == 0   ? &area->block.payload
                       : strcmp(name, "usable") == 0    ? &area->block.usable
                       : strcmp(name, "requested") == 0 ? &area->block.requested
                       : strcmp(name, "site") == 0      ? &area->site
                                                        : NULL;
    return number == NULL ? json_skip(json) : json_number(json, number);
}

/* A section is as large as its runs, where none was left out. */
static bool check_section(struct snapshot_reader *reader, const struct area_reader *area)
{
    return area->runs.at == area->bytes || reader->snapshot->runs_left_out != 0 ||
           json_wrong(&reader->json, "runs of %" PRIu64 " bytes in a section that says %" PRIu64,
                      area->runs.at, area->bytes);
}

static bool check_block(struct snapshot_reader *reader, const struct area_reader *area)
{
    uint64_t offset = area->block.payload - area->runs.start;
    return (offset <= area->bytes && area->block.usable <= area->bytes - offset) ||
           json_wrong(&reader->json, "this block lies outside of its area");
}

/* A guarded block is told from the rest of its page, which it keeps; of others it is headers. */
static bool add_block(struct snapshot_reader *reader, struct area_reader *area, int kind)
{
    struct outside_blocks *list = &reader->snapshot->outside;
    bool is_guarded = kind == SPAN_GUARDED;
    struct region_reader place = {.start = is_guarded ? area->block.payload : area->runs.start,
                                  .is_area = true};
    struct run run = {.kind = strcmp(area->state, "retired") == 0 ? SPAN_PURGED : kind,
                      .bytes = is_guarded ? area->block.usable : area->bytes,
                      .blocks = 1,
                      .site = area->site};
    if (!check_block(reader, area) || !add_run(reader, &place, run)) {
        return false;
    }
    area->block.address = place.start;
    list->blocks = memory_grow(list->blocks, list->count, &list->capacity, sizeof(*list->blocks));
    list->blocks[list->count++] = area->block;
    return true;
}

static bool add_area(struct snapshot_reader *reader, struct area_reader *area)
{
    uint64_t end;
    if (__builtin_add_overflow(area->runs.start, area->bytes, &end)) {
        return json_wrong(&reader->json, "this area reaches beyond the highest address");
    }
    uint64_t resident = area->block.resident == NOT_KNOWN ? area->bytes : area->block.resident;
    reader->snapshot->resident = sum_of(reader->snapshot->resident, resident);
    if (strcmp(area->kind, "section") == 0) {
        return check_section(reader, area);
    }
    int kind = kind_of(area->kind);
    return kind >= SPAN_MAPPED
               ? add_block(reader, area, kind)
               : json_wrong(&reader->json, "there is no kind of areas \"%s\"", area->kind);
}

static bool read_area(struct snapshot_reader *reader)
{
    struct area_reader area = {.runs = {.is_area = true}, .block = {.resident = NOT_KNOWN}};
    bool done = json_take(&reader->json, '{');
    for (bool first = true; done && json_next(&reader->json, '}', &first);) {
        done = read_area_member(reader, &area);
    }
    return done && !reader->json.failed && add_area(reader, &area);
}

/* ---- Call sites ---- */

/* An array of strings, as lines. */
static bool read_lines(struct json *json, struct text *lines)
{
    char line[FRAME_SIZE];
    if (!json_take(json, '[')) {
        return false;
    }
    for (bool first = true; json_next(json, ']', &first);) {
        if (!json_string(json, line, sizeof(line))) {
            return false;
        }
        text_add(lines, line);
        text_add(lines, "\n");
    }
    return !json->failed;
}

static bool read_builds(struct snapshot_reader *reader)
{
    struct text lines = {.bytes = NULL};
    text_clear(&lines);
    bool done = read_lines(&reader->json, &lines);
    for (const char *at = lines.bytes; done && *at != '\0';) {
        size_t length = strcspn(at, "\n");
        name_table_add(&reader->sites->builds, at, length);
        at += length + 1;
    }
    text_free(&lines);
    return done;
}

static bool read_site_member(struct snapshot_reader *reader, uint64_t *number, struct text *stack)
{
    struct json *json = &reader->json;
    char name[NAME_SIZE];
    if (!json_name(json, name, sizeof(name))) {
        return false;
    }
    return strcmp(name, "site") == 0     ? json_number(json, number)
           : strcmp(name, "stack") == 0  ? read_lines(json, stack)
           : strcmp(name, "builds") == 0 ? read_builds(reader)
                                         : json_skip(json);
}

static bool read_site(struct snapshot_reader *reader)
{
    struct text stack = {.bytes = NULL};
    uint64_t number = 0;
    bool done = json_take(&reader->json, '{');
    for (bool first = true; done && json_next(&reader->json, '}', &first);) {
        done = read_site_member(reader, &number, &stack);
    }
    done = done && !reader->json.failed &&
           (call_sites_add(reader->sites, number, &stack) ||
            json_wrong(&reader->json, "a call site has no number from 1 to %d", CALL_SITES_MAX));
    text_free(&stack);
    return done;
}

/* ---- The whole ---- */

static bool read_member(struct snapshot_reader *reader, bool *has_regions)
{
    struct json *json = &reader->json;
    struct heap_snapshot *snapshot = reader->snapshot;
    char name[NAME_SIZE];
    if (!json_name(json, name, sizeof(name))) {
        return false;
    }
    if (strcmp(name, "regions") == 0) {
        *has_regions = true;
        return read_all(reader, read_region);
    }
    if (strcmp(name, "sites") == 0) {
        return *has_regions ? json_wrong(json, "the call sites stand behind the regions")
                            : read_all(reader, read_site);
    }
    if (strcmp(name, "areas") == 0) {
        snapshot->has_areas = true;
        return read_all(reader, read_area);
    }
    if (strcmp(name, "version") == 0) {
        return json_string(json, snapshot->version, sizeof(snapshot->version));
    }
    if (strcmp(name, "source") == 0) {
        return json_string(json, snapshot->source, sizeof(snapshot->source));
    }
    if (strcmp(name, "detail") == 0) {
        return json_string(json, snapshot->detail, sizeof(snapshot->detail));
    }
    uint64_t *number = strcmp(name, "process") == 0          ? &snapshot->process
                       : strcmp(name, "page") == 0           ? &snapshot->page_bytes
                       : strcmp(name, "interval") == 0       ? &snapshot->interval
                       : strcmp(name, "runs_left_out") == 0  ? &snapshot->runs_left_out
                       : strcmp(name, "areas_left_out") == 0 ? &snapshot->areas_left_out
                                                             : NULL;
    return number == NULL ? json_skip(json) : json_number(json, number);
}

bool heap_snapshot_has_blocks(const struct heap_snapshot *snapshot)
{
    return strcmp(snapshot->detail, "blocks") == 0;
}

struct heap_live heap_snapshot_live(const struct heap_snapshot *snapshot)
{
    struct heap_live live = {0, 0};
    for (int kind = 0; kind < SPAN_KIND_COUNT; kind++) {
        if (span_kind_is_live(kind)) {
            live.bytes = sum_of(live.bytes, snapshot->bytes[kind]);
            live.blocks = sum_of(live.blocks, snapshot->blocks[kind]);
        }
    }
    return live;
}

void heap_snapshot_free(struct heap_snapshot *snapshot)
{
    free(snapshot->outside.blocks);
    snapshot->outside = (struct outside_blocks){.count = 0};
}

bool heap_snapshot_read(struct heap_snapshot *snapshot, struct snapshot_place place,
                        const unsigned char *bytes, uint64_t length, struct problem *problem)
{
    *snapshot = (struct heap_snapshot){.process = 0};
    struct snapshot_reader reader = {
        .json = {.bytes = bytes, .length = length, .problem = problem},
        .snapshot = snapshot,
        .picture = place.picture,
        .sites = place.sites,
        .from = place.moment,
        .until = place.is_last ? UINT16_MAX : (uint16_t)(place.moment + 1),
    };
    bool has_regions = false;
    place.picture->is_tiled = true;
    call_sites_begin_file(place.sites);
    bool done = json_take(&reader.json, '{');
    for (bool first = true; done && json_next(&reader.json, '}', &first);) {
        done = read_member(&reader, &has_regions);
    }
    return done && json_end(&reader.json) &&
           (has_regions || json_wrong(&reader.json, "this is no snapshot: it has no regions"));
}
