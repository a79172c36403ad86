/* SPDX-License-Identifier: MIT
 * See snapshot_report.h. */
#include "snapshot_report.h"

#include <inttypes.h>
#include <stdbool.h>

#include "page.h"

static const char *comma(size_t index)
{
    return index == 0 ? "" : ",";
}

static void add_subtitle(struct text *text, const struct heap_snapshot *last, size_t count,
                         char *const *files)
{
    struct text subtitle = {.bytes = NULL};
    if (count == 1 && last->source[0] != '\0') {
        text_format(&subtitle, "Read by gdb from %s", last->source);
    } else if (count == 1) {
        text_format(&subtitle, "Snapshot of %s, brkmalloc %s", files[0], last->version);
    } else {
        text_format(&subtitle, "%zu snapshots, from %s to %s", count, files[0], files[count - 1]);
    }
    text_add(text, ",\"subtitle\":");
    page_add_string(text, subtitle.bytes);
    text_free(&subtitle);
}

static void add_figures(struct text *text, const struct heap_snapshot *last)
{
    text_add(text, ",\"figures\":[");
    size_t shown = 0;
    for (int kind = 0; kind < SPAN_KIND_COUNT; kind++) {
        if (last->bytes[kind] != 0) {
            text_format(text, "%s[\"%s\",%" PRIu64 ",\"bytes\"]", comma(shown++),
                        span_kind_words[kind], last->bytes[kind]);
        }
    }
    struct heap_live live = heap_snapshot_live(last);
    text_format(text,
                "%s[\"live\",%" PRIu64 ",\"bytes\"],[\"resident\",%" PRIu64
                ",\"bytes\"],[\"live blocks\",%" PRIu64 ",\"count\"],",
                comma(shown), live.bytes, last->resident, live.blocks);
    text_format(text,
                "[\"largest free block\",%" PRIu64 ",\"bytes\"],[\"regions\",%" PRIu64
                ",\"count\"]],",
                last->largest_free, last->regions);
}

static void add_notes(struct text *text, const struct heap_snapshot *last,
                      const struct picture *picture)
{
    text_add(text, "\"notes\":[");
    text_add(
        text,
        heap_snapshot_has_blocks(last)
            ? "\"Bytes include the header, 8 bytes in front of what the program has; of a mapped "
              "block they are its whole mapping.\""
            : "\"This snapshot has runs of neighbours of one state, not single blocks; a run "
              "counts as one block in what holds memory.\"");
    if (last->runs_left_out != 0) {
        text_format(text,
                    ",\"%" PRIu64 " runs are not in the snapshot, which has no more than so "
                    "many; the sums include them.\"",
                    last->runs_left_out);
    }
    if (last->areas_left_out != 0) {
        text_format(text,
                    ",\"%" PRIu64 " mapped blocks and other areas beside the heap are not in the "
                    "snapshot, which has no more than so many.\"",
                    last->areas_left_out);
    }
    if (!last->has_areas) {
        text_add(text,
                 ",\"What lies outside of the heap, as mapped blocks, is not in it: an earlier "
                 "release wrote it.\"");
    }
    if (picture->left_out != 0) {
        text_format(text,
                    ",\"%" PRIu64 " small runs, %" PRIu64 " bytes in all, are too many for a "
                    "page and not on the map.\"",
                    picture->left_out, picture->left_out_bytes);
    }
    text_add(text, "],");
}

static void add_moments(struct text *text, const struct heap_snapshot *snapshots,
                        const struct picture *picture, char *const *files)
{
    uint32_t moments = picture_moments(picture);
    text_add(text, "\"moments\":{\"seconds\":[");
    for (uint32_t i = 0; i < moments; i++) {
        text_format(text, "%s%" PRIu32, comma(i), i);
    }
    text_add(text, "],\"events\":[],\"live\":[],\"names\":[");
    for (uint32_t i = 0; i < moments; i++) {
        size_t first = picture_first_moment(picture, i);
        const char *source = snapshots[first].source;
        text_add(text, comma(i));
        page_add_string(text, source[0] != '\0' ? source : files[first]);
    }
    text_format(text, "],\"peak\":%" PRIu32 "},", moments - 1);
}

static bool is_there(const struct heap_snapshot *snapshots, size_t count, int kind)
{
    for (size_t i = 0; i < count; i++) {
        if (snapshots[i].bytes[kind] != 0) {
            return true;
        }
    }
    return false;
}

static void add_split_line(struct text *text, const struct heap_snapshot *snapshots, size_t count,
                           int kind)
{
    text_format(text, "{\"name\":\"%s\",\"values\":[", span_kind_words[kind]);
    for (size_t i = 0; i < count; i++) {
        text_format(text, "%s%" PRIu64, comma(i), snapshots[i].bytes[kind]);
    }
    text_add(text, "]}");
}

/* One snapshot has no course. */
static void add_split(struct text *text, const struct heap_snapshot *snapshots, size_t count)
{
    text_add(text, "\"split\":{\"hint\":\"The states of the heap's bytes, "
                   "snapshot by snapshot.\",\"unit\":\"snapshot\",\"times\":[");
    for (size_t i = 0; i < count; i++) {
        text_format(text, "%s%zu", comma(i), i + 1);
    }
    text_add(text, "],\"lines\":[");
    size_t shown = 0;
    for (int kind = 0; kind < SPAN_KIND_COUNT && count > 1; kind++) {
        if (is_there(snapshots, count, kind)) {
            text_add(text, comma(shown++));
            add_split_line(text, snapshots, count, kind);
        }
    }
    text_add(text, "]},");
}

static void add_known(struct text *text, uint64_t number, bool is_known)
{
    text_format(text, is_known ? ",%" PRIu64 : ",null", number);
}

/* ["ADDRESS", moment, "PAYLOAD", usable, requested, resident], the last two null where they are not
 * known. */
static void add_outside_block(struct text *text, const struct outside_block *block, uint32_t moment)
{
    text_format(text, "[\"%#" PRIx64 "\",%" PRIu32 ",\"%#" PRIx64 "\",%" PRIu64, block->address,
                moment, block->payload, block->usable);
    add_known(text, block->requested, block->requested != 0);
    add_known(text, block->resident, block->resident != UINT64_MAX);
    text_add(text, "]");
}

static void add_outside(struct text *text, const struct snapshot_set *set)
{
    const char *separator = "";
    uint32_t moments = picture_moments(set->picture);
    text_add(text, "\"outside\":[");
    for (uint32_t moment = 0; moment < moments; moment++) {
        size_t first = picture_first_moment(set->picture, moment);
        const struct outside_blocks *list = &set->snapshots[first].outside;
        for (size_t i = 0; i < list->count; i++) {
            text_add(text, separator);
            add_outside_block(text, &list->blocks[i], moment);
            separator = ",";
        }
    }
    text_add(text, "],");
}

struct names {
    struct text *text;
    const char *separator;
};

static void add_names(void *context, const char *lines)
{
    struct names *names = context;
    text_add(names->text, names->separator);
    page_add_lines(names->text, lines);
    names->separator = ",";
}

static void add_call_sites(struct text *text, const struct snapshot_set *set)
{
    const struct heap_snapshot *last = &set->snapshots[set->count - 1];
    text_format(text, "\"interval\":%" PRIu64 ",\"callSites\":[", last->interval);
    call_sites_each(set->sites, add_names, &(struct names){text, ""});
    text_add(text, "],");
}

void snapshot_report_make(struct text *text, const struct snapshot_set *set)
{
    const struct heap_snapshot *last = &set->snapshots[set->count - 1];
    struct page_map map = {"", set->picture};
    text_format(text, "{\"kind\":\"snapshot\",\"title\":\"Heap of process %" PRIu64 "\"",
                last->process);
    text_format(text, ",\"single\":%s", heap_snapshot_has_blocks(last) ? "true" : "false");
    add_subtitle(text, last, set->count, set->files);
    add_figures(text, last);
    add_notes(text, last, set->picture);
    add_call_sites(text, set);
    add_outside(text, set);
    page_add_maps(text, (struct page_maps){&map, 1});
    add_moments(text, set->snapshots, set->picture, set->files);
    add_split(text, set->snapshots, set->count);
    text_add(text, "\"curves\":{\"seconds\":[],\"lines\":[]},\"rates\":[],\"threads\":[],"
                   "\"sizes\":[],\"lives\":[],\"sites\":{\"rows\":[]}}");
}
