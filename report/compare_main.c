/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-compare: what differs between two snapshots, or between two heap profiles, as text, as
 * JSON and as a page. `brkmalloc compare` starts it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/making.h"
#include "../profile/memory.h"
#include "../profile/output.h"
#include "../trace/input.h"
#include "../trace/messages.h"
#include "difference.h"
#include "heap_difference.h"
#include "heap_file.h"
#include "heap_snapshot.h"
#include "page.h"

const char program_name[] = "brkmalloc compare";

static const char usage[] = "usage: brkmalloc-compare [--json] [-o OUT.html] BEFORE AFTER\n";

struct options {
    const char *output; /* of the page, or NULL */
    bool is_json;
    char **files;
};

struct comparison {
    const struct options *options;
    struct input inputs[SIDE_COUNT];
    struct difference difference;
    struct picture picture; /* of snapshots */
    uint64_t processes[SIDE_COUNT];
};

/* ---- Results ---- */

static bool is_aligned(const struct comparison *comparison)
{
    return comparison->processes[SIDE_BEFORE] == comparison->processes[SIDE_AFTER];
}

static bool write_page(const struct comparison *comparison, uint64_t *length)
{
    struct text report = {.bytes = NULL};
    struct text page = {.bytes = NULL};
    struct page_map map = {"", &comparison->picture};
    text_add_character(&report, '{');
    difference_add_json(&report, &comparison->difference);
    text_add_character(&report, ',');
    page_add_maps(&report, (struct page_maps){&map, 1});
    text_format(&report, "\"aligned\":%s}", is_aligned(comparison) ? "true" : "false");
    page_make(&page, PAGE_COMPARISON, &report, (struct page_maps){&map, 1});
    bool done = output_write(comparison->options->output, &page);
    *length = page.length;
    text_free(&page);
    text_free(&report);
    return done;
}

/* The page, and the tables, unless the page takes standard output. */
static bool write_results(const struct comparison *comparison)
{
    const struct options *options = comparison->options;
    struct text text = {.bytes = NULL};
    uint64_t length = 0;
    if (options->output != NULL && !write_page(comparison, &length)) {
        return false;
    }
    if (options->output != NULL && strcmp(options->output, "-") == 0) {
        return true;
    }
    if (options->is_json) {
        text_add_character(&text, '{');
        difference_add_json(&text, &comparison->difference);
        text_add(&text, "}\n");
    } else {
        difference_add_text(&text, &comparison->difference);
        if (options->output != NULL) {
            char number[NUMBER_SIZE];
            text_format(&text, "\nwritten: %s (%s)\n", options->output,
                        number_of(number, length, 1));
        }
    }
    bool done = output_write("-", &text);
    text_free(&text);
    return done;
}

/* ---- Snapshots ---- */

static bool read_snapshots(struct comparison *comparison, struct call_sites *sites,
                           struct heap_snapshot snapshots[SIDE_COUNT])
{
    picture_begin(&comparison->picture, SIDE_COUNT, SIZE_MAX);
    for (int side = 0; side < SIDE_COUNT; side++) {
        const struct input *input = &comparison->inputs[side];
        struct problem problem;
        struct snapshot_place place = {&comparison->picture, sites, (uint16_t)side,
                                       side + 1 == SIDE_COUNT};
        if (!heap_snapshot_read(&snapshots[side], place, input->bytes, input->length, &problem)) {
            tell_problem(comparison->options->files[side], &problem);
            return false;
        }
        comparison->processes[side] = snapshots[side].process;
    }
    picture_finish(&comparison->picture);
    return true;
}

static int compare_snapshots(struct comparison *comparison)
{
    struct heap_snapshot snapshots[SIDE_COUNT] = {{.process = 0}};
    struct call_sites *sites = memory_zeroed(1, sizeof(*sites));
    bool done = read_snapshots(comparison, sites, snapshots);
    if (done) {
        difference_of_snapshots(&comparison->difference, snapshots, &comparison->picture);
        done = write_results(comparison);
    }
    for (int side = 0; side < SIDE_COUNT; side++) {
        heap_snapshot_free(&snapshots[side]);
    }
    picture_free(&comparison->picture);
    call_sites_free(sites);
    free(sites);
    return done ? 0 : STATUS_FAILED;
}

/* ---- Profiles ---- */

/* Of a profile that was cut short what is missing would seem to have been freed. */
static bool check_profile(const struct raw_profile *raw, struct raw_problem *problem)
{
    if (!raw->is_complete) {
        problem->line = raw->line_count;
        snprintf(problem->text, sizeof(problem->text), "the file was cut short behind this line");
    }
    return raw->is_complete;
}

static void tell_line(const char *path, const struct raw_problem *problem)
{
    struct text text = {.bytes = NULL};
    text_format(&text, "%s: ", program_name);
    text_add_clean(&text, path);
    if (problem->line != 0) {
        text_format(&text, ": line %zu", problem->line);
    }
    text_add(&text, ": ");
    text_add_clean(&text, problem->text);
    fprintf(stderr, "%s\n", text.bytes);
    text_free(&text);
}

static bool read_profile(struct raw_profile *raw, const struct comparison *comparison, int side)
{
    const struct input *input = &comparison->inputs[side];
    struct raw_problem problem = {.line = 0};
    union {
        const unsigned char *constant;
        void *plain;
    } bytes = {.constant = input->bytes};
    FILE *file = fmemopen(bytes.plain, (size_t)input->length, "r");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", program_name, strerror(errno));
        return false;
    }
    bool done = raw_profile_read(raw, file, &problem) && check_profile(raw, &problem);
    fclose(file);
    if (!done) {
        tell_line(comparison->options->files[side], &problem);
    }
    return done;
}

static bool compare_raw(struct comparison *comparison, const struct raw_profile raw[SIDE_COUNT])
{
    struct profile_options options = {.is_at_peak =
                                          raw_profile_is_of_whole_run(&raw[SIDE_BEFORE]) &&
                                          raw_profile_is_of_whole_run(&raw[SIDE_AFTER])};
    struct profile profiles[SIDE_COUNT];
    for (int side = 0; side < SIDE_COUNT; side++) {
        profile_make(&profiles[side], &raw[side], options);
    }
    difference_of_profiles(&comparison->difference, profiles);
    bool done = write_results(comparison);
    profile_free(&profiles[SIDE_BEFORE]);
    profile_free(&profiles[SIDE_AFTER]);
    return done;
}

static int compare_profiles(struct comparison *comparison)
{
    struct raw_profile raw[SIDE_COUNT];
    bool done = read_profile(&raw[SIDE_BEFORE], comparison, SIDE_BEFORE);
    if (done) {
        done =
            read_profile(&raw[SIDE_AFTER], comparison, SIDE_AFTER) && compare_raw(comparison, raw);
        raw_profile_free(&raw[SIDE_AFTER]);
    }
    raw_profile_free(&raw[SIDE_BEFORE]);
    return done ? 0 : STATUS_FAILED;
}

/* ---- What the files are ---- */

enum kind { KIND_NONE, KIND_TRACE, KIND_SNAPSHOT, KIND_PROFILE };

static enum kind kind_of(const struct input *input)
{
    struct problem problem;
    return heap_file_is_profile(input)            ? KIND_PROFILE
           : !heap_file_is_known(input, &problem) ? KIND_NONE
           : heap_file_is_trace(input)            ? KIND_TRACE
                                                  : KIND_SNAPSHOT;
}

static enum kind open_file(struct comparison *comparison, int side)
{
    const char *path = comparison->options->files[side];
    struct input *input = &comparison->inputs[side];
    struct problem problem;
    enum kind kind = KIND_NONE;
    if (!input_open(input, path, &problem)) {
        tell_problem(path, &problem);
        return kind;
    }
    kind = kind_of(input);
    if (kind == KIND_NONE) {
        problem = (struct problem){.offset = 0};
        snprintf(problem.text, sizeof(problem.text), "%s",
                 input->length == 0
                     ? "the file is empty"
                     : "this is neither a snapshot of a heap nor a heap profile of brkmalloc");
        tell_problem(path, &problem);
    }
    return kind;
}

static int refuse(const struct comparison *comparison, enum kind before, enum kind after)
{
    static const char *const words[] = {"", "a trace", "a snapshot", "a heap profile"};
    char *const *files = comparison->options->files;
    if (before == after) {
        fprintf(stderr,
                "%s: %s and %s are traces: compare replays one trace on several allocators\n",
                program_name, files[SIDE_BEFORE], files[SIDE_AFTER]);
    } else {
        fprintf(stderr, "%s: %s is %s, and %s is %s: both must be snapshots, or heap profiles\n",
                program_name, files[SIDE_BEFORE], words[before], files[SIDE_AFTER], words[after]);
    }
    return STATUS_USAGE;
}

static int compare_opened(struct comparison *comparison)
{
    enum kind before = open_file(comparison, SIDE_BEFORE);
    enum kind after = before == KIND_NONE ? KIND_NONE : open_file(comparison, SIDE_AFTER);
    if (after == KIND_NONE) {
        return STATUS_FAILED;
    }
    if (before != after || before == KIND_TRACE) {
        return refuse(comparison, before, after);
    }
    return before == KIND_SNAPSHOT ? compare_snapshots(comparison) : compare_profiles(comparison);
}

static int compare_files(const struct options *options)
{
    struct comparison comparison = {.options = options};
    for (int side = 0; side < SIDE_COUNT; side++) {
        comparison.difference.files[side] = options->files[side];
    }
    int status = compare_opened(&comparison);
    difference_free(&comparison.difference);
    input_close(&comparison.inputs[SIDE_BEFORE]);
    input_close(&comparison.inputs[SIDE_AFTER]);
    return status;
}

/* ---- Options ---- */

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "o:", names, NULL)) != -1) {
        if (option == 'o') {
            options->output = optarg;
        } else if (option == 'j') {
            options->is_json = true;
        } else {
            fputs(usage, stderr);
            return STATUS_USAGE;
        }
    }
    options->files = argv + optind;
    if (argc - optind != SIDE_COUNT) {
        return tell_usage(usage, "two files are compared: BEFORE and AFTER", "");
    }
    if (options->output != NULL && options->output[0] == '\0') {
        return tell_usage(usage, "-o needs a file; - stands for standard output", "");
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {.output = NULL};
    int status = parse(&options, argc, argv);
    return status != 0 ? status : compare_files(&options);
}
