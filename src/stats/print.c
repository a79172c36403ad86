/* SPDX-License-Identifier: MIT
 * See print.h. */
#include "stats/print.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "brkmalloc/brkmalloc.h"
#include "heap/size_class.h"
#include "kit/options.h"
#include "kit/text.h"
#include "stats/stats.h"
#include "stats/table.h"
#include "system/os.h"

/* ---- mallinfo ---- */

/* What lies in caches is none of glibc's fast bins, and no more than what its own caches have is it
 * told as that. */
BRKM_ENTRY_OF(mallinfo) struct brkm_mallinfo2 brkm_mallinfo2(void)
{
    struct snapshot now = brkm__snapshot_of_counters();
    return (struct brkm_mallinfo2){
        .arena = now.heap_from_system,
        .ordblks = now.heap_free_blocks + (now.heap_top != 0),
        .hblks = now.in_use_mapped_blocks + now.in_use_guarded_blocks,
        .hblkhd = now.in_use_mapped_bytes + now.in_use_guarded_blocks * brkm__os_page_size(),
        .uordblks = now.in_use_heap_bytes,
        .fordblks = now.heap_from_system - now.in_use_heap_bytes,
        .keepcost = now.heap_top,
    };
}

static int clip(size_t value)
{
    return value > INT_MAX ? INT_MAX : (int)value;
}

BRKM_ENTRY_OF(mallinfo) struct brkm_mallinfo brkm_mallinfo(void)
{
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    return (struct brkm_mallinfo){
        .arena = clip(info.arena),
        .ordblks = clip(info.ordblks),
        .smblks = clip(info.smblks),
        .hblks = clip(info.hblks),
        .hblkhd = clip(info.hblkhd),
        .usmblks = clip(info.usmblks),
        .fsmblks = clip(info.fsmblks),
        .uordblks = clip(info.uordblks),
        .fordblks = clip(info.fordblks),
        .keepcost = clip(info.keepcost),
    };
}

/* ---- Rows and sections ---- */

static bool begins_section(size_t row)
{
    return row == 0 ||
           strcmp(brkm__snapshot_rows[row].section, brkm__snapshot_rows[row - 1].section) != 0;
}

static bool ends_section(size_t row)
{
    return row + 1 == SNAPSHOT_ROWS || begins_section(row + 1);
}

/* ---- Lines, for programs that have no JSON: a key, numbers ---- */

static void add_numbers(struct writer *writer, const char *key, const uint64_t *numbers,
                        size_t count)
{
    brkm__writer_add(writer, key);
    for (size_t i = 0; i < count; i++) {
        brkm__writer_add(writer, " ");
        brkm__writer_add_number(writer, numbers[i]);
    }
    brkm__writer_add(writer, "\n");
}

static void write_class_line(struct writer *writer, unsigned bin, const struct block_totals *states)
{
    const uint64_t numbers[] = {
        size_class_lower_bound(bin),   states[SNAPSHOT_IN_USE].blocks,
        states[SNAPSHOT_IN_USE].bytes, states[SNAPSHOT_CACHED].blocks,
        states[SNAPSHOT_CACHED].bytes, states[SNAPSHOT_FREE].blocks,
        states[SNAPSHOT_FREE].bytes,
    };
    add_numbers(writer, "class", numbers, sizeof(numbers) / sizeof(numbers[0]));
}

static void write_detail_lines(struct writer *writer, const struct snapshot_detail *detail)
{
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        if (!snapshot_class_is_empty(detail->classes[bin])) {
            write_class_line(writer, bin, detail->classes[bin]);
        }
    }
    for (size_t i = 0; i < detail->caches_listed; i++) {
        const struct cache_record *cache = &detail->caches[i];
        const uint64_t numbers[] = {cache->number, cache->blocks,  cache->bytes,
                                    cache->budget, cache->refills, cache->flushes};
        add_numbers(writer, "cache", numbers, sizeof(numbers) / sizeof(numbers[0]));
    }
}

static void write_lines(struct writer *writer, const struct snapshot *now,
                        const struct snapshot_detail *detail)
{
    for (size_t row = 0; row < SNAPSHOT_ROWS; row++) {
        uint64_t number = snapshot_value(now, row);
        brkm__writer_add(writer, brkm__snapshot_rows[row].section);
        brkm__writer_add(writer, ".");
        add_numbers(writer, brkm__snapshot_rows[row].key, &number, 1);
    }
    if (detail != NULL) {
        write_detail_lines(writer, detail);
    }
    brkm__writer_flush(writer);
}

/* ---- JSON: an object for each section, arrays for classes and caches ---- */

/* "key":number, with a comma in front unless it is the first of its object. */
static void add_member(struct writer *writer, bool is_first, const char *key, uint64_t number)
{
    brkm__writer_add(writer, is_first ? "\"" : ",\"");
    brkm__writer_add(writer, key);
    brkm__writer_add(writer, "\":");
    brkm__writer_add_number(writer, number);
}

static void write_sections(struct writer *writer, const struct snapshot *now)
{
    for (size_t row = 0; row < SNAPSHOT_ROWS; row++) {
        if (begins_section(row)) {
            brkm__writer_add(writer, ",\n\"");
            brkm__writer_add(writer, brkm__snapshot_rows[row].section);
            brkm__writer_add(writer, "\":{");
        }
        add_member(writer, begins_section(row), brkm__snapshot_rows[row].key,
                   snapshot_value(now, row));
        if (ends_section(row)) {
            brkm__writer_add(writer, "}");
        }
    }
}

static void write_class(struct writer *writer, unsigned bin, const struct block_totals *states)
{
    brkm__writer_add(writer, "{");
    add_member(writer, true, "size", size_class_lower_bound(bin));
    add_member(writer, false, "in_use_blocks", states[SNAPSHOT_IN_USE].blocks);
    add_member(writer, false, "in_use_bytes", states[SNAPSHOT_IN_USE].bytes);
    add_member(writer, false, "cached_blocks", states[SNAPSHOT_CACHED].blocks);
    add_member(writer, false, "cached_bytes", states[SNAPSHOT_CACHED].bytes);
    add_member(writer, false, "free_blocks", states[SNAPSHOT_FREE].blocks);
    add_member(writer, false, "free_bytes", states[SNAPSHOT_FREE].bytes);
    brkm__writer_add(writer, "}");
}

static void write_classes(struct writer *writer, const struct snapshot_detail *detail)
{
    const char *separator = "\n";
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        const struct block_totals *states = detail->classes[bin];
        if (!snapshot_class_is_empty(states)) {
            brkm__writer_add(writer, separator);
            write_class(writer, bin, states);
            separator = ",\n";
        }
    }
}

static void write_caches(struct writer *writer, const struct snapshot_detail *detail)
{
    const char *separator = "\n{";
    for (size_t i = 0; i < detail->caches_listed; i++) {
        const struct cache_record *cache = &detail->caches[i];
        brkm__writer_add(writer, separator);
        add_member(writer, true, "number", cache->number);
        add_member(writer, false, "blocks", cache->blocks);
        add_member(writer, false, "bytes", cache->bytes);
        add_member(writer, false, "budget", cache->budget);
        add_member(writer, false, "refills", cache->refills);
        add_member(writer, false, "flushes", cache->flushes);
        brkm__writer_add(writer, "}");
        separator = ",\n{";
    }
}

static void write_json(struct writer *writer, const struct snapshot *now,
                       const struct snapshot_detail *detail)
{
    brkm__writer_add(writer, "{\"version\":\"");
    brkm__writer_add(writer, brkm_version());
    brkm__writer_add(writer, "\"");
    write_sections(writer, now);
    if (detail != NULL) {
        brkm__writer_add(writer, ",\n\"classes\":[");
        write_classes(writer, detail);
        brkm__writer_add(writer, "],\n\"thread_caches\":[");
        write_caches(writer, detail);
        brkm__writer_add(writer, "]");
    }
    brkm__writer_add(writer, "}\n");
    brkm__writer_flush(writer);
}

/* ---- Public ---- */

BRKM_ENTRY_OF(stats_print)
int brkm_stats_print(brkm_writer write, void *context, enum brkm_stats_format format)
{
    if (format != BRKM_STATS_TEXT && format != BRKM_STATS_JSON && format != BRKM_STATS_LINES) {
        return EINVAL;
    }
    struct writer writer = {.write = write, .context = context};
    /* The program's function may have cancellation points. */
    int held = brkm__os_hold_cancellation();
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    if (format == BRKM_STATS_JSON) {
        write_json(&writer, &now, detail);
    } else if (format == BRKM_STATS_LINES) {
        write_lines(&writer, &now, detail);
    } else {
        brkm__stats_write_table(&writer, &now);
    }
    brkm__snapshot_end(detail);
    brkm__os_let_cancellation(held);
    return 0;
}

BRKM_ENTRY_OF(malloc_stats) void brkm_malloc_stats(void)
{
    brkm_stats_print(NULL, NULL, BRKM_STATS_TEXT);
}

/* ---- At exit ---- */

static bool is_on(enum option option)
{
    return brkm__option_get(option) != 0;
}

static void start(void)
{
    if (is_on(OPTION_stats_at_exit)) {
        brkm__os_keep_error_open();
    }
}

static int end(void)
{
    if (is_on(OPTION_stats_at_exit)) {
        brkm_stats_print(NULL, NULL, is_on(OPTION_stats_json) ? BRKM_STATS_JSON : BRKM_STATS_TEXT);
    }
    return 0;
}

const struct optional_room brkm__stats_room = {.start = start, .end = end};
