/* SPDX-License-Identifier: MIT
 * See profile_report.h. A call site is the function that called the allocator, with its line; the
 * callers shown are those of its largest call stack. */
#include "profile_report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/making.h"
#include "../profile/memory.h"
#include "../profile/name_table.h"
#include "../profile/stacks.h"
#include "page.h"

#define NANOSECONDS_PER_SECOND 1e9

/* Rows of the table, of which a page needs no more; and curves that are told apart by colour. */
#define SITES_MAX 500
#define CURVES_MAX 7

struct site {
    uint64_t live_blocks; /* in the last profile, like the others but `live` */
    uint64_t peak_bytes;
    uint64_t total_bytes;
    uint64_t most;    /* of one stack: bytes that `callers` has */
    uint32_t callers; /* number of the stack in `stacks` */
    uint64_t *live;   /* bytes, by profile */
};

struct report {
    struct text *text;
    const struct raw_profile *profiles;
    size_t count;
    char *const *files;
    struct name_table names;  /* of sites */
    struct name_table stacks; /* lines of callers */
    struct site *sites;
    size_t capacity;
    uint32_t *order; /* of sites: those first that have most in use */
    bool is_at_peak; /* the last profile was written at exit: the peak counts */
};

static const char *comma(size_t index)
{
    return index == 0 ? "" : ",";
}

static const struct raw_profile *last_of(const struct report *report)
{
    return &report->profiles[report->count - 1];
}

/* ---- Sites ---- */

static struct site *site_of(struct report *report, const char *name, size_t length)
{
    size_t count = report->names.count;
    uint32_t number = name_table_add(&report->names, name, length);
    if (number == count) {
        report->sites =
            memory_grow(report->sites, count, &report->capacity, sizeof(*report->sites));
        report->sites[number] =
            (struct site){.live = memory_zeroed(report->count, sizeof(*report->sites->live))};
    }
    return &report->sites[number];
}

static void add_sample(struct report *report, size_t file, const struct raw_sample *sample,
                       const struct text *key)
{
    size_t length = strcspn(key->bytes, "\n");
    const char *callers = key->bytes + length + (key->bytes[length] != '\0');
    struct site *site = site_of(report, key->bytes, length);
    const uint64_t *numbers = sample->numbers;
    site->live[file] = sum_of(site->live[file], numbers[RAW_LIVE_BYTES]);
    if (file + 1 != report->count) {
        return;
    }
    site->live_blocks = sum_of(site->live_blocks, numbers[RAW_LIVE_BLOCKS]);
    site->peak_bytes = sum_of(site->peak_bytes, numbers[RAW_PEAK_BYTES]);
    site->total_bytes = sum_of(site->total_bytes, numbers[RAW_TOTAL_BYTES]);
    uint64_t weight = numbers[report->is_at_peak ? RAW_PEAK_BYTES : RAW_LIVE_BYTES];
    if (weight >= site->most) {
        site->most = weight;
        site->callers = name_table_add_text(&report->stacks, callers);
    }
}

static void add_profile(struct report *report, size_t file)
{
    const struct raw_profile *raw = &report->profiles[file];
    struct profile profile;
    struct profile_stack stack = {.count = 0};
    struct text key = {.bytes = NULL};
    profile_make(&profile, raw, (struct profile_options){.is_at_peak = false});
    for (size_t i = 0; i < profile.sample_count; i++) {
        profile_read_stack(&profile, &profile.samples[i], &stack);
        text_clear(&key);
        stack_add_key(&key, &profile, &stack, true);
        add_sample(report, file, &raw->samples[i], &key);
    }
    text_free(&key);
    free(stack.frames);
    profile_free(&profile);
}

static uint64_t in_use(const struct report *report, uint32_t site)
{
    const struct site *found = &report->sites[site];
    return report->is_at_peak ? found->peak_bytes : found->live[report->count - 1];
}

static int compare_sites(const void *left, const void *right, void *context)
{
    const struct report *report = context;
    uint32_t first = *(const uint32_t *)left;
    uint32_t second = *(const uint32_t *)right;
    uint64_t first_bytes = in_use(report, first);
    uint64_t second_bytes = in_use(report, second);
    return first_bytes != second_bytes ? (first_bytes > second_bytes ? -1 : 1)
                                       : strcmp(name_table_get(&report->names, first),
                                                name_table_get(&report->names, second));
}

static void sort_sites(struct report *report)
{
    size_t count = report->names.count;
    report->order = memory_zeroed(count, sizeof(*report->order));
    for (uint32_t i = 0; i < count; i++) {
        report->order[i] = i;
    }
    if (count > 1) {
        qsort_r(report->order, count, sizeof(*report->order), compare_sites, report);
    }
}

/* ---- Heading ---- */

static uint64_t sum_of_numbers(const struct raw_profile *profile, enum raw_number number)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < profile->sample_count; i++) {
        sum = sum_of(sum, profile->samples[i].numbers[number]);
    }
    return sum;
}

static void add_heading(const struct report *report)
{
    const struct raw_profile *last = last_of(report);
    struct text words = {.bytes = NULL};
    text_format(&words, "Heap profile of %s",
                last->program[0] == '\0' ? "a program" : last->program);
    text_add(report->text, "{\"kind\":\"profile\",\"single\":true,\"callSites\":[],\"title\":");
    page_add_string(report->text, words.bytes);
    text_clear(&words);
    if (report->count == 1) {
        text_format(&words, "%s, process %" PRIu64, report->files[0], last->process);
    } else {
        text_format(&words, "%zu profiles, from %s to %s", report->count, report->files[0],
                    report->files[report->count - 1]);
    }
    text_add(report->text, ",\"subtitle\":");
    page_add_string(report->text, words.bytes);
    text_free(&words);
}

static void add_figures(const struct report *report)
{
    const struct raw_profile *last = last_of(report);
    text_format(report->text,
                ",\"figures\":[[\"in use\",%" PRIu64 ",\"bytes\"],[\"blocks in use\",%" PRIu64
                ",\"count\"],[\"in use at the peak\",%" PRIu64
                ",\"bytes\"],[\"allocated in all\",%" PRIu64
                ",\"bytes\"],[\"call stacks\",%zu,\"count\"],[\"time\",%.9g,\"seconds\"]]",
                sum_of_numbers(last, RAW_LIVE_BYTES), sum_of_numbers(last, RAW_LIVE_BLOCKS),
                sum_of_numbers(last, RAW_PEAK_BYTES), sum_of_numbers(last, RAW_TOTAL_BYTES),
                last->sample_count, (double)last->nanoseconds / NANOSECONDS_PER_SECOND);
}

static void add_notes(const struct report *report)
{
    const struct raw_profile *last = last_of(report);
    text_add(report->text,
             ",\"notes\":[\"A heap profile knows call sites, not addresses: a map has a "
             "snapshot. `brkmalloc pprof --svg` draws the flame graph.\"");
    if (last->interval > 1) {
        char number[NUMBER_SIZE];
        text_format(report->text, ",\"The numbers are estimates from one sample per %s.\"",
                    number_of(number, last->interval, 1));
    }
    if (!last->is_complete) {
        text_add(report->text, ",\"The profile was cut short.\"");
    }
    text_add(report->text, "],");
}

/* ---- Curves ---- */

static void add_curve(const struct report *report, size_t place)
{
    text_add(report->text, comma(place));
    text_add(report->text, "{\"name\":");
    if (place == CURVES_MAX) {
        text_add(report->text, "\"the other call sites\"");
    } else {
        page_add_string(report->text, name_table_get(&report->names, report->order[place]));
    }
    text_add(report->text, ",\"values\":[");
    size_t end = place == CURVES_MAX ? report->names.count : place + 1;
    for (size_t file = 0; file < report->count; file++) {
        uint64_t sum = 0;
        for (size_t i = place; i < end; i++) {
            sum = sum_of(sum, report->sites[report->order[i]].live[file]);
        }
        text_format(report->text, "%s%" PRIu64, comma(file), sum);
    }
    text_add(report->text, "]}");
}

/* One profile has no course. */
static void add_curves(const struct report *report)
{
    text_add(report->text, "\"split\":{\"hint\":\"What is in use by call site, profile by "
                           "profile.\",\"unit\":\"profile\",\"times\":[");
    for (size_t i = 0; i < report->count; i++) {
        text_format(report->text, "%s%zu", comma(i), i + 1);
    }
    text_add(report->text, "],\"lines\":[");
    for (size_t i = 0; report->count > 1 && i < report->names.count && i <= CURVES_MAX; i++) {
        add_curve(report, i);
    }
    text_add(report->text, "]},");
}

/* ---- The table ---- */

/* The site, and its callers. */
static void add_name(const struct report *report, uint32_t number)
{
    const struct site *site = &report->sites[number];
    struct text lines = {.bytes = NULL};
    text_format(&lines, "%s\n%s", name_table_get(&report->names, number),
                site->most == 0 ? "" : name_table_get(&report->stacks, site->callers));
    page_add_lines(report->text, lines.bytes);
    text_free(&lines);
}

static void add_site(const struct report *report, size_t place)
{
    uint32_t number = report->order[place];
    const struct site *site = &report->sites[number];
    uint64_t last = site->live[report->count - 1];
    text_add(report->text, comma(place));
    text_add(report->text, "[");
    add_name(report, number);
    text_format(report->text, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, last,
                site->live_blocks, site->peak_bytes, site->peak_bytes, site->total_bytes);
    if (report->count > 1) {
        text_format(report->text, ",%" PRId64, (int64_t)(last - site->live[0]));
    }
    text_add(report->text, "]");
}

static void add_sites(const struct report *report)
{
    bool has_growth = report->count > 1;
    text_format(
        report->text,
        "\"sites\":{\"header\":[\"call site<\",\"in use\",\"blocks in use\",\"at the peak\","
        "\"share of the peak\",\"allocated in all\"%s],\"kinds\":[\"site\",\"bytes\","
        "\"count\",\"bytes\",\"part\",\"bytes\"%s],\"whole\":%" PRIu64 ",\"rows\":[",
        has_growth ? ",\"grown since the first\"" : "", has_growth ? ",\"growth\"" : "",
        sum_of_numbers(last_of(report), RAW_PEAK_BYTES));
    for (size_t i = 0; i < report->names.count && i < SITES_MAX; i++) {
        add_site(report, i);
    }
    size_t left_out = report->names.count < SITES_MAX ? 0 : report->names.count - SITES_MAX;
    text_format(report->text, "],\"leftOut\":%zu}", left_out);
}

/* ---- The whole ---- */

static void release(struct report *report)
{
    for (size_t i = 0; i < report->names.count; i++) {
        free(report->sites[i].live);
    }
    free(report->sites);
    free(report->order);
    name_table_free(&report->names);
    name_table_free(&report->stacks);
}

void profile_report_make(struct text *text, const struct raw_profile *profiles, size_t count,
                         char *const *files)
{
    struct report report = {.text = text, .profiles = profiles, .count = count, .files = files};
    report.is_at_peak = strcmp(last_of(&report)->reason, "exit") == 0 &&
                        sum_of_numbers(last_of(&report), RAW_PEAK_BYTES) != 0;
    for (size_t i = 0; i < count; i++) {
        add_profile(&report, i);
    }
    sort_sites(&report);
    add_heading(&report);
    add_figures(&report);
    add_notes(&report);
    page_add_maps(text, (struct page_maps){NULL, 0});
    text_add(text, "\"moments\":{\"seconds\":[],\"events\":[],\"live\":[],\"names\":[],\"peak\":0},"
                   "\"curves\":{\"seconds\":[],\"lines\":[]},\"rates\":[],\"threads\":[],"
                   "\"sizes\":[],\"lives\":[],");
    add_curves(&report);
    add_sites(&report);
    text_add(text, "}");
    release(&report);
}
