/* SPDX-License-Identifier: MIT
 * See table.h. */
#include "stats/table.h"

#include "base/config.h"
#include "stats/columns.h"

/* Where the columns end, in letters, and what lies between numbers and words. */
#define MIB_END 32
#define SHARE_END 40
#define COUNT_END 52
#define GAP 2

/* No number in this column. */
#define NONE SIZE_MAX

#define AT(member) offsetof(struct snapshot, member)

/* SHARE: the bytes are part of all memory, which the column "%" counts from. */
enum share { NO_SHARE, SHARE };

/* One line: bytes and a count, members of the snapshot. A line of zeros is left out. */
static const struct table_row {
    const char *label;
    size_t bytes, count;
    enum share share;
    const char *meaning;
} rows[] = {
    {"memory from the system", AT(memory_total), NONE, SHARE, "all of it, now"},
    {"  in use", AT(memory_in_use), NONE, SHARE, "the program has it, headers included"},
    {"    in the heap", AT(in_use_heap_bytes), AT(in_use_heap_blocks), SHARE, "blocks"},
    {"    mapped", AT(in_use_mapped_bytes), AT(in_use_mapped_blocks), SHARE,
     "blocks with a mapping of their own"},
    {"    guarded", AT(in_use_guarded_bytes), AT(in_use_guarded_blocks), NO_SHARE,
     "blocks alone on a page"},
    {"  cached", AT(memory_cached), NONE, SHARE, "freed, at hand for the next request"},
    {"    in thread caches", AT(caches_bytes), AT(caches_blocks), SHARE, "blocks"},
    {"    in the depot", AT(caches_depot_bytes), AT(caches_depot_blocks), SHARE,
     "blocks on the way between threads"},
    {"    in quarantine", AT(caches_quarantine_bytes), AT(caches_quarantine_blocks), SHARE,
     "blocks that must not be used again yet"},
    {"  free", AT(memory_free), AT(heap_free_blocks), SHARE, "blocks in the heap, and its end"},
    {"    at the heap's end", AT(heap_top), NONE, SHARE, "can go back by a trim"},
    {"  overhead", AT(memory_overhead), NONE, SHARE, "the allocator's own"},
    {"  damaged", AT(heap_damaged), NONE, SHARE, "not counted: a header was overwritten"},
    {"peak of all memory", AT(peak_total), NONE, NO_SHARE, "the most so far"},
    {"  of the heap", AT(heap_from_system_peak), NONE, NO_SHARE, "in use or not"},
    {"  in use in the heap", AT(in_use_heap_peak), NONE, NO_SHARE, "with caches"},
    {"  in use, mapped", AT(in_use_mapped_peak), NONE, NO_SHARE, ""},
    {"heap", AT(heap_from_system), AT(heap_regions), SHARE, "regions"},
    {"  grew", NONE, AT(events_grown), NO_SHARE, "times so far"},
    {"  trimmed", AT(events_trimmed_bytes), AT(events_trimmed), NO_SHARE,
     "times the end was given back"},
    {"  purged", AT(events_purged_bytes), AT(events_purged), NO_SHARE,
     "times pages inside were given back"},
    {"  blocks handed out", NONE, AT(served_heap_blocks), NO_SHARE,
     "so far; what caches serve is not counted"},
    {"  blocks taken back", NONE, AT(served_heap_frees), NO_SHARE, ""},
    {"mapped blocks so far", NONE, AT(served_mapped_blocks), NO_SHARE, ""},
    {"guarded blocks so far", NONE, AT(served_guarded_blocks), NO_SHARE, ""},
    {"  due and not guarded", NONE, AT(served_guarded_missed), NO_SHARE, "all slots were in use"},
    {"thread caches", NONE, AT(caches_threads), NO_SHARE, "threads"},
    {"  refills", NONE, AT(caches_refills), NO_SHARE, "times a cache took blocks from the heap"},
    {"  flushes", NONE, AT(caches_flushes), NO_SHARE, "times one gave blocks back"},
    {"soft limit", AT(limits_soft), AT(limits_soft_met), NO_SHARE, "times it was met"},
    {"hard limit", AT(limits_hard), AT(limits_hard_met), NO_SHARE, "times it refused memory"},
    {"waits for locks", NONE, AT(locks_all), NO_SHARE, "in all"},
    {"  of the heap", NONE, AT(locks_heap), NO_SHARE, ""},
    {"  of mapped blocks", NONE, AT(locks_mapped), NO_SHARE, ""},
    {"  of guarded blocks", NONE, AT(locks_guarded), NO_SHARE, ""},
    {"  of the list of caches", NONE, AT(locks_caches), NO_SHARE, "and of the quarantine"},
    {"  of the depot", NONE, AT(locks_depot), NO_SHARE, ""},
    {"  of the heap profile", NONE, AT(locks_profile), NO_SHARE, ""},
    {"heap locks taken", NONE, AT(locks_heap_taken), NO_SHARE, "while there were other threads"},
    {"depot locks taken", NONE, AT(locks_depot_taken), NO_SHARE, ""},
    {"the kernel's family", AT(kernel_from_system), AT(kernel_caches), SHARE, "slab caches"},
    {"  objects in use", AT(kernel_object_bytes), AT(kernel_objects), SHARE,
     "of kmalloc and caches"},
    {"  pages in use", AT(kernel_page_bytes), NONE, SHARE, "blocks of pages"},
    {"  areas of vmalloc", AT(kernel_area_bytes), AT(kernel_areas), SHARE, ""},
    {"  cached", AT(kernel_cached), NONE, SHARE, "objects and pages at hand"},
    {"  free", AT(kernel_free), NONE, SHARE, "pages, given back to the system or not"},
    {"heap profile", AT(profile_bytes), AT(profile_stacks), NO_SHARE, "call stacks"},
    {"  samples", NONE, AT(profile_samples), NO_SHARE, "so far"},
    {"  samples in use", NONE, AT(profile_live), NO_SHARE, ""},
    {"  samples without room", NONE, AT(profile_lost), NO_SHARE, "not in the profile"},
};

static uint64_t value_at(const struct snapshot *now, size_t offset)
{
    return offset == NONE ? 0 : *(const uint64_t *)((const char *)now + offset);
}

/* ---- Lines ---- */

static void add_bytes(struct line *line, uint64_t bytes)
{
    brkm__columns_add_fraction(line, MIB_END, brkm__columns_part_of(bytes, BRKM_MIB, 1000), 3);
}

static void write_row(struct writer *writer, const struct snapshot *now,
                      const struct table_row *row)
{
    struct line line = {0};
    brkm__line_add_text(&line, row->label);
    if (row->bytes != NONE) {
        add_bytes(&line, value_at(now, row->bytes));
    }
    if (row->share == SHARE) {
        brkm__columns_add_fraction(
            &line, SHARE_END,
            brkm__columns_part_of(value_at(now, row->bytes), now->memory_total, 1000), 1);
    }
    if (row->count != NONE) {
        struct line count = {0};
        brkm__line_add_number(&count, value_at(now, row->count));
        brkm__columns_add_right(&line, COUNT_END, &count);
    }
    if (row->meaning[0] != '\0') {
        brkm__columns_add_blanks(&line, COUNT_END + GAP);
        brkm__line_add_text(&line, row->meaning);
    }
    brkm__columns_add_line(writer, &line);
}

static void add_seconds(struct writer *writer, uint64_t milliseconds)
{
    struct line text = {0};
    brkm__columns_add_fraction(&text, 0, brkm__columns_part_of(milliseconds, 100, 1), 1);
    brkm__writer_add_span(writer, text.text, text.length);
}

static void write_head(struct writer *writer, const struct snapshot *now)
{
    struct line line = {0};
    brkm__writer_add(writer, "brkmalloc: statistics of process ");
    brkm__writer_add_number(writer, now->process_id);
    brkm__writer_add(writer, ", ");
    add_seconds(writer, now->process_age_ms);
    brkm__writer_add(writer, " s after its first memory; the peak came after ");
    add_seconds(writer, now->peak_after_ms);
    brkm__writer_add(writer, " s\n");
    brkm__columns_add_right(&line, MIB_END, &(struct line){3, "MiB"});
    brkm__columns_add_right(&line, SHARE_END, &(struct line){1, "%"});
    brkm__columns_add_right(&line, COUNT_END, &(struct line){6, "number"});
    brkm__columns_add_blanks(&line, COUNT_END + GAP);
    brkm__line_add_text(&line, "of what");
    brkm__columns_add_line(writer, &line);
}

void brkm__stats_write_table(struct writer *writer, const struct snapshot *now)
{
    write_head(writer, now);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (value_at(now, rows[i].bytes) != 0 || value_at(now, rows[i].count) != 0) {
            write_row(writer, now, &rows[i]);
        }
    }
    brkm__writer_flush(writer);
}
