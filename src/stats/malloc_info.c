/* SPDX-License-Identifier: MIT
 * Malloc_info: the statistics as XML, in glibc's schema and then in ours. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "brkmalloc/brkmalloc.h"
#include "heap/size_class.h"
#include "stats/stats.h"
#include "system/os_thread.h"

/* ---- glibc's elements ---- */

static void print_sizes(FILE *stream, const struct snapshot_detail *detail)
{
    fputs("<sizes>\n", stream);
    for (unsigned bin = 0; detail != NULL && bin < BRKM_BIN_COUNT; bin++) {
        const struct block_totals *totals = &detail->classes[bin][SNAPSHOT_FREE];
        if (totals->blocks != 0) {
            fprintf(stream,
                    "  <size from=\"%zu\" to=\"%zu\" total=\"%" PRIu64 "\" count=\"%" PRIu64
                    "\"/>\n",
                    totals->smallest, totals->largest, totals->bytes, totals->blocks);
        }
    }
    fputs("</sizes>\n", stream);
}

static void print_total(FILE *stream, const char *type, uint64_t count, uint64_t size)
{
    fprintf(stream, "<total type=\"%s\" count=\"%" PRIu64 "\" size=\"%" PRIu64 "\"/>\n", type,
            count, size);
}

static void print_size(FILE *stream, const char *element, const char *type, uint64_t size)
{
    fprintf(stream, "<%s type=\"%s\" size=\"%" PRIu64 "\"/>\n", element, type, size);
}

/* The elements that a heap and the whole have in common. */
static void print_totals(FILE *stream, const struct snapshot *now, bool whole)
{
    print_total(stream, "fast", brkm__snapshot_cached_blocks(now), now->memory_cached);
    print_total(stream, "rest", now->heap_free_blocks + (now->heap_top != 0), now->heap_free);
    if (whole) {
        print_total(stream, "mmap", now->in_use_mapped_blocks, now->in_use_mapped_bytes);
    }
    print_size(stream, "system", "current", now->heap_from_system);
    print_size(stream, "system", "max", now->heap_from_system_peak);
    print_size(stream, "aspace", "total", now->heap_from_system);
    print_size(stream, "aspace", "mprotect", now->heap_from_system);
}

/* ---- Ours: an element for each section of the statistics, each class and each cache ---- */

static void print_sections(FILE *stream, const struct snapshot *now)
{
    const char *open = "";
    for (size_t row = 0; row < SNAPSHOT_ROWS; row++) {
        const struct snapshot_row *this = &brkm__snapshot_rows[row];
        if (row == 0 || strcmp(this->section, this[-1].section) != 0) {
            fprintf(stream, "%s  <%s", open, this->section);
            open = "/>\n";
        }
        fprintf(stream, " %s=\"%" PRIu64 "\"", this->key, snapshot_value(now, row));
    }
    fputs(open, stream);
}

static void print_state(FILE *stream, const char *state, const struct block_totals *totals)
{
    if (totals->blocks != 0) {
        fprintf(stream, " %s_blocks=\"%" PRIu64 "\" %s_bytes=\"%" PRIu64 "\"", state,
                totals->blocks, state, totals->bytes);
    }
}

static void print_classes(FILE *stream, const struct snapshot_detail *detail)
{
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        const struct block_totals *states = detail->classes[bin];
        if (!snapshot_class_is_empty(states)) {
            fprintf(stream, "  <class size=\"%zu\"", size_class_lower_bound(bin));
            print_state(stream, "in_use", &states[SNAPSHOT_IN_USE]);
            print_state(stream, "cached", &states[SNAPSHOT_CACHED]);
            print_state(stream, "free", &states[SNAPSHOT_FREE]);
            fputs("/>\n", stream);
        }
    }
}

static void print_caches(FILE *stream, const struct snapshot_detail *detail)
{
    for (size_t i = 0; i < detail->caches_listed; i++) {
        const struct cache_record *cache = &detail->caches[i];
        fprintf(stream,
                "  <cache number=\"%" PRIu64 "\" blocks=\"%" PRIu64 "\" bytes=\"%" PRIu64
                "\" budget=\"%" PRIu64 "\" refills=\"%" PRIu64 "\" flushes=\"%" PRIu64 "\"/>\n",
                cache->number, cache->blocks, cache->bytes, cache->budget, cache->refills,
                cache->flushes);
    }
}

static void print_ours(FILE *stream, const struct snapshot *now,
                       const struct snapshot_detail *detail)
{
    fprintf(stream, "<brkmalloc version=\"%s\">\n", brkm_version());
    print_sections(stream, now);
    if (detail != NULL) {
        print_classes(stream, detail);
        print_caches(stream, detail);
    }
    fputs("</brkmalloc>\n", stream);
}

BRKM_ENTRY_OF(malloc_info) int brkm_malloc_info(int options, FILE *stream)
{
    if (options != 0) {
        return EINVAL;
    }
    /* Stdio has cancellation points. */
    int held = brkm__os_hold_cancellation();
    /* Taken before anything is printed, which may allocate. */
    struct snapshot_detail *detail;
    struct snapshot now = brkm__snapshot_begin(&detail);
    fputs("<malloc version=\"1\">\n<heap nr=\"0\">\n", stream);
    print_sizes(stream, detail);
    print_totals(stream, &now, false);
    fputs("</heap>\n", stream);
    print_totals(stream, &now, true);
    print_ours(stream, &now, detail);
    fputs("</malloc>\n", stream);
    brkm__snapshot_end(detail);
    brkm__os_let_cancellation(held);
    return 0;
}
