/* SPDX-License-Identifier: MIT
 * See trace_report.h. The scripts of the page say what the members mean by using them. */
#include "trace_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "page.h"

#define NANOSECONDS_PER_SECOND 1e9

/* Bytes of a note, which is a sentence or two. */
#define NOTE_SIZE 400

struct trace_report {
    struct text *text;
    const struct course *course;
    const struct trace_sites *sites;
    const struct trace *trace;
    const struct replays *replays;
};

static const char *comma(size_t index)
{
    return index == 0 ? "" : ",";
}

static void add_seconds(struct text *text, size_t index, uint64_t nanoseconds)
{
    text_format(text, "%s%.9g", comma(index), (double)nanoseconds / NANOSECONDS_PER_SECOND);
}

/* ---- Heading ---- */

static void add_title(struct text *text, const struct trace_header *header)
{
    char command[TRACE_COMMAND_BYTES];
    memcpy(command, header->command, sizeof(command));
    size_t length = sizeof(command);
    while (length > 0 && command[length - 1] == '\0') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        command[i] = command[i] == '\0' ? ' ' : command[i];
    }
    command[length < sizeof(command) ? length : sizeof(command) - 1] = '\0';
    text_add(text, "\"title\":");
    page_add_string(text, command[0] == '\0' ? "trace without a command" : command);
}

static void add_subtitle(struct text *text, const struct course *course,
                         const struct trace_header *header, const char *file)
{
    struct text subtitle = {.bytes = NULL};
    text_format(&subtitle, "Trace %s of process %" PRIu32, file, header->process);
    if (course->sample > 1) {
        text_format(&subtitle, ", a sample of one address in %" PRIu32, course->sample);
    }
    text_add(text, ",\"subtitle\":");
    page_add_string(text, subtitle.bytes);
    text_free(&subtitle);
}

static void add_figures(struct text *text, const struct course *course)
{
    const struct {
        const char *name;
        const char *kind;
        double value;
    } figures[] = {
        {"peak live", "bytes", (double)course->peak_live_bytes},
        {"live at the end", "bytes", (double)course->end_live_bytes},
        {"blocks at the end", "count", (double)course->end_live_blocks},
        {"events", "count", (double)course->events},
        {"allocations", "count", (double)course->allocations},
        {"threads", "count", (double)course->thread_count},
        {"time", "seconds", (double)course->nanoseconds / NANOSECONDS_PER_SECOND},
    };
    text_add(text, ",\"figures\":[");
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        text_format(text, "%s[\"%s\",%.9g,\"%s\"]", comma(i), figures[i].name, figures[i].value,
                    figures[i].kind);
    }
    text_add(text, "],");
}

__attribute__((format(printf, 3, 4))) static void add_note(struct text *text, size_t *count,
                                                           const char *format, ...)
{
    char note[NOTE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, sizeof(note), format, arguments);
    va_end(arguments);
    text_add(text, comma((*count)++));
    page_add_string(text, note);
}

/* Replays that are compared have the names of their allocators. */
static bool compares(const struct replays *replays)
{
    return replays->count != 0 && replays->all[0].name != NULL;
}

static void add_note_of_replays(const struct trace_report *report, size_t *count)
{
    const struct replays *replays = report->replays;
    if (compares(replays)) {
        add_note(report->text, count,
                 "Allocators are compared by replays of the whole trace, which write to every page "
                 "of each block; live bytes are the same on all. The heap map can be that of the "
                 "recorded program or that of a replay, of one event at a time.");
    } else if (replays->count != 0) {
        add_note(report->text, count,
                 "Resident memory and the break are those of a replay on brkmalloc, measured at "
                 "%zu of %" PRIu64 " events.",
                 replays->all[0].count, report->course->events);
    }
}

/* What was recorded in part only. */
static void add_notes_of_recording(const struct trace_report *report, size_t *count)
{
    const struct course *course = report->course;
    if (course->sample > 1) {
        add_note(
            report->text, count,
            "All figures but the map are estimates: what was recorded of one address in %" PRIu32
            ", times %" PRIu32 ". The map has the recorded blocks only. What holds memory needs "
            "all blocks, and is left out.",
            course->sample, course->sample);
    }
    if (course->missing_events != 0) {
        add_note(report->text, count,
                 "The file had a limit: the first %.3f s, about %" PRIu64
                 " events, are not in it. Blocks from that time are neither in the sums nor on the "
                 "map.",
                 (double)course->begin_nanoseconds / NANOSECONDS_PER_SECOND,
                 course->missing_events);
    }
    if (report->trace->header.lost_stacks != 0) {
        add_note(report->text, count,
                 "The call site of %" PRIu64 " allocations is not known: there was no room for "
                 "their call stacks.",
                 report->trace->header.lost_stacks * course->sample);
    }
}

static void add_notes(const struct trace_report *report)
{
    const struct course *course = report->course;
    const struct picture *picture = &course->picture;
    size_t count = 0;
    text_add(report->text, "\"notes\":[");
    add_note(report->text, &count,
             "The map shows what was requested, at the addresses that it got. "
             "%" PRIu32 " moments stand for %" PRIu64 " events; a block that came and went "
             "between two of them is in the sums but not on the map.",
             picture_moments(picture), course->events);
    add_notes_of_recording(report, &count);
    add_note_of_replays(report, &count);
    if (picture->left_out != 0) {
        add_note(report->text, &count,
                 "%" PRIu64 " small blocks, %" PRIu64 " bytes in all, are too many for a page: "
                 "they are in the sums but not on the map, nor in the table of what holds memory.",
                 picture->left_out, picture->left_out_bytes);
    }
    if (course->unknown_frees + course->lost_frees != 0) {
        add_note(report->text, &count,
                 "%" PRIu64 " frees are of blocks from before what is recorded here; %" PRIu64
                 " frees were not seen, as the address was handed out again.",
                 course->unknown_frees, course->lost_frees);
    }
    text_add(report->text, "],");
}

/* ---- Moments ---- */

static uint64_t events_of_moment(const struct course *course, uint32_t moment)
{
    uint64_t events =
        (picture_first_moment(&course->picture, moment) + 1) * course->events_per_moment;
    return events < course->events ? events : course->events;
}

static uint32_t peak_moment(const struct course *course)
{
    uint32_t peak = 0;
    uint64_t most = 0;
    for (uint32_t i = 0; i < picture_moments(&course->picture); i++) {
        uint64_t live = course->moment_live_bytes[picture_first_moment(&course->picture, i)];
        peak = live > most ? i : peak;
        most = live > most ? live : most;
    }
    return peak;
}

static void add_moments(struct text *text, const struct course *course)
{
    uint32_t moments = picture_moments(&course->picture);
    text_add(text, "\"moments\":{\"seconds\":[");
    for (uint32_t i = 0; i < moments; i++) {
        add_seconds(text, i, course->moment_nanoseconds[picture_first_moment(&course->picture, i)]);
    }
    text_add(text, "],\"events\":[");
    for (uint32_t i = 0; i < moments; i++) {
        text_format(text, "%s%" PRIu64, comma(i), events_of_moment(course, i));
    }
    text_add(text, "],\"live\":[");
    for (uint32_t i = 0; i < moments; i++) {
        text_format(text, "%s%" PRIu64, comma(i),
                    course->moment_live_bytes[picture_first_moment(&course->picture, i)]);
    }
    text_format(text, "],\"names\":[],\"peak\":%" PRIu32 "},", peak_moment(course));
}

/* ---- Curves ---- */

static uint64_t live_of(const struct course_point *point)
{
    return point->live_bytes;
}

static uint64_t held_of(const struct course_point *point)
{
    return point->held_bytes;
}

static void add_line(const struct trace_report *report, const char *name,
                     uint64_t value_of(const struct course_point *point))
{
    const struct course *course = report->course;
    text_format(report->text, "{\"name\":\"%s\",\"values\":[", name);
    for (size_t i = 0; i < course->point_count; i++) {
        text_format(report->text, "%s%" PRIu64, comma(i), value_of(&course->points[i]));
    }
    text_add(report->text, "]}");
}

static uint64_t resident_of(const struct replay_sample *sample)
{
    return sample->resident_bytes;
}

static uint64_t break_of(const struct replay_sample *sample)
{
    return sample->break_bytes;
}

/* At each point the most of the samples since the last one; where there are none, the last sample.
 */
static void add_replayed_line(const struct trace_report *report, const struct replayed *replayed,
                              const char *name,
                              uint64_t value_of(const struct replay_sample *sample))
{
    size_t at = 0;
    uint64_t value = 0;
    text_add(report->text, "{\"name\":");
    page_add_string(report->text, name);
    text_add(report->text, ",\"values\":[");
    for (size_t i = 0; i < report->course->point_count; i++) {
        uint64_t events = report->course->points[i].events;
        uint64_t most = 0;
        bool is_there = false;
        for (; at < replayed->count && replayed->samples[at].events <= events; at++) {
            uint64_t found = value_of(&replayed->samples[at]);
            most = found > most ? found : most;
            is_there = true;
        }
        value = is_there ? most : value;
        text_format(report->text, "%s%" PRIu64, comma(i), value);
    }
    text_add(report->text, "]}");
}

static void add_curves(const struct trace_report *report)
{
    const struct course *course = report->course;
    text_add(report->text, "\"curves\":{\"seconds\":[");
    for (size_t i = 0; i < course->point_count; i++) {
        add_seconds(report->text, i, course->points[i].nanoseconds);
    }
    text_add(report->text, "],\"lines\":[");
    if (course->point_count != 0) {
        add_line(report, "live", live_of);
    }
    if (course->point_count != 0 && course->sample == 1) {
        text_add(report->text, ",");
        add_line(report, "pages with live blocks", held_of);
    }
    if (course->point_count != 0 && report->replays->count != 0 && !compares(report->replays)) {
        text_add(report->text, ",");
        add_replayed_line(report, report->replays->all, "resident (replay)", resident_of);
        text_add(report->text, ",");
        add_replayed_line(report, report->replays->all, "break (replay)", break_of);
    }
    text_add(report->text, "]},");
}

/* ---- Allocators beside each other ---- */

static void add_allocator(struct text *text, const struct replayed *replayed)
{
    text_add(text, "{\"name\":");
    page_add_string(text, replayed->name);
    text_add(text, ",\"failure\":");
    page_add_string(text, replayed->failure == NULL ? "" : replayed->failure);
    text_format(text, ",\"seconds\":%.9g", replayed->seconds);
#define REPLAY_ADD(field, word) text_format(text, ",\"" word "\":%" PRIu64, replayed->field);
    REPLAY_FIGURES(REPLAY_ADD)
#undef REPLAY_ADD
    text_add(text, "}");
}

static void add_lines_of_allocators(const struct trace_report *report, const char *name,
                                    uint64_t value_of(const struct replay_sample *sample))
{
    size_t shown = 0;
    text_format(report->text, ",\"%s\":[", name);
    for (size_t i = 0; i < report->replays->count; i++) {
        const struct replayed *replayed = &report->replays->all[i];
        if (replayed->count != 0 && report->course->point_count != 0) {
            text_add(report->text, comma(shown++));
            add_replayed_line(report, replayed, replayed->name, value_of);
        }
    }
    text_add(report->text, "]");
}

static void add_allocators(const struct trace_report *report)
{
    const struct replays *replays = report->replays;
    text_add(report->text, "\"allocators\":{\"rows\":[");
    for (size_t i = 0; compares(replays) && i < replays->count; i++) {
        text_add(report->text, comma(i));
        add_allocator(report->text, &replays->all[i]);
    }
    text_add(report->text, "]");
    if (compares(replays)) {
        add_lines_of_allocators(report, "resident", resident_of);
        add_lines_of_allocators(report, "breaks", break_of);
    }
    text_add(report->text, "},");
}

/* ---- Threads ---- */

static void add_rate(const struct trace_report *report, size_t place)
{
    const struct course *course = report->course;
    uint64_t before = course->begin_nanoseconds;
    for (size_t i = 0; i < course->point_count; i++) {
        const struct course_point *point = &course->points[i];
        uint64_t nanoseconds = point->nanoseconds - before;
        text_add(report->text, comma(i));
        if (nanoseconds == 0) {
            text_add(report->text, "null");
        } else {
            text_format(report->text, "%.6g",
                        (double)point->allocations[place] * NANOSECONDS_PER_SECOND /
                            (double)nanoseconds);
        }
        before = point->nanoseconds;
    }
}

static void add_rates(const struct trace_report *report)
{
    size_t threads = report->course->thread_count;
    text_add(report->text, "\"rates\":[");
    for (size_t place = 0; place < threads && place <= COURSE_THREADS_MAX; place++) {
        text_format(report->text, "%s{\"name\":", comma(place));
        if (place == COURSE_THREADS_MAX) {
            text_add(report->text, "\"the other threads\"");
        } else {
            text_format(report->text, "\"thread %" PRIu32 "\"",
                        report->course->threads[place].number);
        }
        text_add(report->text, ",\"values\":[");
        add_rate(report, place);
        text_add(report->text, "]}");
    }
    text_add(report->text, "],");
}

/* Rows of the table of threads; the others are seldom of interest. */
#define THREAD_ROWS_MAX 100

static void add_threads(struct text *text, const struct course *course)
{
    text_add(text, "\"threads\":[");
    for (size_t i = 0; i < course->thread_count && i < THREAD_ROWS_MAX; i++) {
        const struct course_thread *thread = &course->threads[i];
        text_format(text,
                    "%s{\"number\":%" PRIu32 ",\"allocations\":%" PRIu64 ",\"bytes\":%" PRIu64
                    ",\"frees\":%" PRIu64 ",\"foreign\":%" PRIu64 "}",
                    comma(i), thread->number, thread->allocations, thread->bytes, thread->frees,
                    thread->foreign_frees);
    }
    text_add(text, "],");
}

static void add_tallies(struct text *text, const char *name, const struct tally *tallies,
                        size_t count)
{
    text_format(text, "\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        text_format(text, "%s[%" PRIu64 ",%" PRIu64 "]", comma(i), tallies[i].blocks,
                    tallies[i].bytes);
    }
    text_add(text, "],");
}

/* ---- Call sites ---- */

/* Rows of the table, of which a page needs no more. */
#define SITES_MAX 1000

static void add_call_sites(const struct trace_report *report)
{
    const struct name_table *stacks = &report->sites->stacks;
    text_add(report->text, "\"callSites\":[");
    for (uint32_t i = 0; i < stacks->count; i++) {
        text_add(report->text, comma(i));
        page_add_lines(report->text, name_table_get(stacks, i));
    }
    text_add(report->text, "],");
}

/* Those first that had most at the peak. */
static int compare_sites(const void *left, const void *right, void *context)
{
    const struct site_sum *all = context;
    const struct site_sum *a = &all[*(const uint32_t *)left];
    const struct site_sum *b = &all[*(const uint32_t *)right];
    if (a->peak_bytes != b->peak_bytes) {
        return a->peak_bytes > b->peak_bytes ? -1 : 1;
    }
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

/* The sites through which something was allocated, in the table's order. */
static size_t order_sites(const struct site_sums *sums, uint32_t *order)
{
    size_t count = 0;
    for (uint32_t i = 0; i < sums->count; i++) {
        if (sums->all[i].allocations != 0) {
            order[count++] = i;
        }
    }
    if (count > 1) {
        qsort_r(order, count, sizeof(*order), compare_sites, sums->all);
    }
    return count;
}

/* The site, and the callers of its largest stack. */
static void add_site_name(const struct trace_report *report, uint32_t site)
{
    const struct trace_sites *sites = report->sites;
    uint16_t shown = site == 0 ? 0 : sites->shown_as[sites->largest[site]];
    page_add_lines(report->text, site == 0    ? "not known"
                                 : shown == 0 ? name_table_get(&sites->names, site - 1)
                                              : name_table_get(&sites->stacks, shown - 1u));
}

static void add_lives(struct text *text, const struct site_sum *sum)
{
    if (sum->frees == 0) {
        text_add(text, ",null,null");
    } else {
        text_format(text, ",%.6g,%.6g", site_sum_mean_life(sum) / NANOSECONDS_PER_SECOND,
                    site_sum_median_life(sum) / NANOSECONDS_PER_SECOND);
    }
}

static void add_site(const struct trace_report *report, uint32_t site)
{
    const struct site_sum *sum = &report->course->sites.all[site];
    text_add(report->text, "[");
    add_site_name(report, site);
    text_format(report->text, ",%" PRIu64 ",%" PRIu64, sum->bytes, sum->allocations);
    add_lives(report->text, sum);
    text_format(report->text, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", sum->peak_bytes,
                sum->peak_bytes, sum->live_bytes);
}

/* Of all sites, also those without a row. */
static void add_sums(const struct trace_report *report)
{
    const struct site_sums *sums = &report->course->sites;
    struct site_sum whole = {.bytes = 0};
    for (size_t i = 0; i < sums->count; i++) {
        whole.bytes += sums->all[i].bytes;
        whole.allocations += sums->all[i].allocations;
        whole.peak_bytes += sums->all[i].peak_bytes;
        whole.live_bytes += sums->all[i].live_bytes;
    }
    text_format(report->text,
                "\"sums\":[[\"in all\"],%" PRIu64 ",%" PRIu64 ",null,null,%" PRIu64 ",%" PRIu64
                ",%" PRIu64 "],",
                whole.bytes, whole.allocations, whole.peak_bytes, whole.peak_bytes,
                whole.live_bytes);
}

static void add_rows(const struct trace_report *report)
{
    const struct site_sums *sums = &report->course->sites;
    uint32_t *order = memory_zeroed(sums->count, sizeof(*order));
    size_t count = order_sites(sums, order);
    size_t shown = count < SITES_MAX ? count : SITES_MAX;
    text_add(report->text, "\"rows\":[");
    for (size_t i = 0; i < shown; i++) {
        text_add(report->text, comma(i));
        add_site(report, order[i]);
    }
    text_format(report->text, "],\"leftOut\":%zu", count - shown);
    free(order);
}

static void add_sites(const struct trace_report *report)
{
    text_add(report->text, "\"sites\":{");
    if (!trace_has_stacks(report->trace)) {
        text_add(report->text, "\"hint\":\"This trace has no call stacks: `brkmalloc record "
                               "--stacks` records them.\",\"rows\":[],\"leftOut\":0}");
        return;
    }
    text_format(report->text,
                "\"hint\":\"Callers are those of the call stack through which a site requested "
                "most. Lives are those of blocks that were freed.\",\"header\":[\"call site<\","
                "\"requested\",\"allocations\",\"mean life\",\"median life\",\"at the peak\","
                "\"share of the peak\",\"live at the end\"],\"kinds\":[\"site\",\"bytes\","
                "\"count\",\"seconds\",\"seconds\",\"bytes\",\"part\",\"bytes\"],\"whole\":%" PRIu64
                ",",
                report->course->peak_live_bytes);
    add_sums(report);
    add_rows(report);
    text_add(report->text, "}");
}

void trace_report_make(struct text *text, const struct traced *traced, struct page_maps maps,
                       const char *file)
{
    const struct course *course = traced->course;
    struct trace_report report = {text, course, traced->sites, traced->trace, traced->replays};
    text_format(text, "{\"kind\":\"trace\",\"single\":true,\"sample\":%" PRIu32 ",",
                course->sample);
    add_call_sites(&report);
    add_title(text, &traced->trace->header);
    add_subtitle(text, course, &traced->trace->header, file);
    add_figures(text, course);
    add_notes(&report);
    page_add_maps(text, maps);
    add_moments(text, course);
    add_curves(&report);
    add_allocators(&report);
    add_rates(&report);
    add_threads(text, course);
    add_tallies(text, "sizes", course->sizes, COURSE_SIZES);
    add_tallies(text, "lives", course->lives, COURSE_LIVES);
    text_add(text, "\"split\":{\"lines\":[]},");
    add_sites(&report);
    text_add(text, "}");
}
