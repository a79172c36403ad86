/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-report: makes a page of a trace, of snapshots or of heap profiles. `brkmalloc report`
 * finds out what each file is, replays a trace, and starts it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "../profile/output.h"
#include "../trace/input.h"
#include "../trace/messages.h"
#include "course.h"
#include "heap_file.h"
#include "heap_snapshot.h"
#include "page.h"
#include "profile_report.h"
#include "replay_maps.h"
#include "snapshot_report.h"
#include "trace_report.h"

const char program_name[] = "brkmalloc report";

static const char usage[] = "usage: brkmalloc-report [--samples REPLAYED] [--scratch DIR] -o "
                            "OUT.html TRACE | SNAPSHOT... | PROFILE...\n";

struct options {
    const char *output;
    const char *samples;
    const char *scratch; /* a folder that the page does not name, with its slash */
    char **files;
    char **names; /* of the files, on the page */
    size_t count;
};

/* ---- Reports ---- */

static bool write_page(const struct options *options, const struct text *report,
                       struct page_maps maps)
{
    struct text page = {.bytes = NULL};
    page_make(&page, PAGE_REPORT, report, maps);
    bool done = output_write(options->output, &page);
    if (done && strcmp(options->output, "-") != 0) {
        char number[NUMBER_SIZE];
        printf("written: %s (%s)\n", options->output, number_of(number, page.length, 1));
    }
    text_free(&page);
    return done;
}

static bool write_trace(const struct options *options, const struct traced *traced,
                        const struct replay_maps *replayed)
{
    struct page_maps maps;
    struct page_map *all = replay_maps_of_page(replayed, traced->course, &maps.count);
    maps.all = all;
    struct text report = {.bytes = NULL};
    trace_report_make(&report, traced, maps, options->files[0]);
    bool done = write_page(options, &report, maps);
    text_free(&report);
    free(all);
    return done;
}

static int read_and_write_trace(const struct options *options, const struct input *input,
                                const struct traced *traced, struct replay_maps *replayed)
{
    struct problem problem;
    struct course_input course_input = {input->bytes, input->length, traced->sites, replayed->all,
                                        replayed->count};
    if (!trace_sites_make(traced->sites, input->bytes, input->length, &problem) ||
        !course_read(traced->course, traced->trace, &course_input, &problem)) {
        return tell_problem(options->files[0], &problem);
    }
    return write_trace(options, traced, replayed) ? 0 : STATUS_FAILED;
}

static int report_trace(const struct options *options, const struct input *input)
{
    static struct course course;
    struct trace trace = {.bytes = NULL};
    struct trace_sites sites;
    struct replays replays = {.count = 0};
    struct replay_maps replayed;
    if (options->samples != NULL && !replays_read(&replays, options->samples)) {
        fprintf(stderr, "%s: %s: no samples of a replay\n", program_name, options->samples);
    }
    replay_maps_begin(&replayed, &replays);
    struct traced traced = {&course, &sites, &trace, &replays};
    int status = read_and_write_trace(options, input, &traced, &replayed);
    replay_maps_free(&replayed);
    replays_free(&replays);
    trace_close(&trace);
    course_free(&course);
    trace_sites_free(&sites);
    return status;
}

static void tell_mixture(const char *file)
{
    fprintf(stderr,
            "%s: %s: several files are for snapshots alone or heap profiles alone; a trace has a "
            "page of its own\n",
            program_name, file);
}

static bool read_snapshot(const struct options *options, size_t index,
                          struct heap_snapshot *snapshot, struct picture *picture,
                          struct call_sites *sites)
{
    struct snapshot_place place = {picture, sites, (uint16_t)index, index + 1 == options->count};
    struct input input;
    struct problem problem;
    bool done =
        input_open(&input, options->files[index], &problem) && heap_file_is_known(&input, &problem);
    if (done && (heap_file_is_trace(&input) || heap_file_is_profile(&input))) {
        tell_mixture(options->files[index]);
        input_close(&input);
        return false;
    }
    done = done && heap_snapshot_read(snapshot, place, input.bytes, input.length, &problem);
    if (!done) {
        tell_problem(options->files[index], &problem);
    }
    input_close(&input);
    return done;
}

static int report_snapshots(const struct options *options)
{
    struct picture picture;
    struct heap_snapshot *snapshots = memory_zeroed(options->count, sizeof(*snapshots));
    struct call_sites *sites = memory_zeroed(1, sizeof(*sites));
    bool done = true;
    picture_begin(&picture, (uint32_t)options->count, PICTURE_SPANS_MAX);
    for (size_t i = 0; done && i < options->count; i++) {
        done = read_snapshot(options, i, &snapshots[i], &picture, sites);
    }
    if (done) {
        struct text report = {.bytes = NULL};
        picture_finish(&picture);
        struct page_map map = {"", &picture};
        struct snapshot_set set = {snapshots, options->count, options->names, &picture, sites};
        snapshot_report_make(&report, &set);
        done = write_page(options, &report, (struct page_maps){&map, 1});
        text_free(&report);
    }
    picture_free(&picture);
    call_sites_free(sites);
    free(sites);
    for (size_t i = 0; i < options->count; i++) {
        heap_snapshot_free(&snapshots[i]);
    }
    free(snapshots);
    return done ? 0 : STATUS_FAILED;
}

#if BRKM_HEAP_PROFILES
static bool read_raw(struct raw_profile *profile, const struct input *input, const char *path)
{
    struct raw_problem problem = {.line = 0};
    FILE *file = fmemopen((void *)(uintptr_t)input->bytes, input->length, "r");
    bool done = file != NULL && raw_profile_read(profile, file, &problem);
    if (file == NULL) {
        perror(program_name);
    } else if (!done) {
        fprintf(stderr, "%s: %s: line %zu: %s\n", program_name, path, problem.line, problem.text);
    }
    if (file != NULL) {
        fclose(file);
    }
    return done;
}

static bool read_profile(struct raw_profile *profile, const char *path)
{
    struct input input;
    struct problem problem;
    bool is_known = input_open(&input, path, &problem) && heap_file_is_known(&input, &problem);
    bool done = is_known && heap_file_is_profile(&input);
    if (!is_known) {
        tell_problem(path, &problem);
    } else if (!done) {
        tell_mixture(path);
    }
    done = done && read_raw(profile, &input, path);
    input_close(&input);
    return done;
}

static int report_profiles(const struct options *options)
{
    struct raw_profile *profiles = memory_zeroed(options->count, sizeof(*profiles));
    bool done = true;
    for (size_t i = 0; done && i < options->count; i++) {
        done = read_profile(&profiles[i], options->files[i]);
    }
    if (done) {
        struct text report = {.bytes = NULL};
        profile_report_make(&report, profiles, options->count, options->files);
        done = write_page(options, &report, (struct page_maps){NULL, 0});
        text_free(&report);
    }
    for (size_t i = 0; i < options->count; i++) {
        raw_profile_free(&profiles[i]);
    }
    free(profiles);
    return done ? 0 : STATUS_FAILED;
}
#else
static int report_profiles(const struct options *options)
{
    fprintf(stderr,
            "%s: %s: heap profiles are not read by this build: elfutils (libdw-dev) or libiberty "
            "(libiberty-dev) was missing\n",
            program_name, options->files[0]);
    return STATUS_FAILED;
}
#endif

static int report_files(const struct options *options)
{
    struct input input;
    struct problem problem;
    if (!input_open(&input, options->files[0], &problem) || !heap_file_is_known(&input, &problem)) {
        input_close(&input);
        return tell_problem(options->files[0], &problem);
    }
    bool is_one_trace = options->count == 1 && heap_file_is_trace(&input);
    bool is_profile = heap_file_is_profile(&input);
    int status = is_one_trace ? report_trace(options, &input) : 0;
    input_close(&input);
    return is_one_trace ? status
           : is_profile ? report_profiles(options)
                        : report_snapshots(options);
}

/* ---- Options ---- */

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {
        {"samples", required_argument, NULL, 's'},
        {"scratch", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "o:", names, NULL)) != -1) {
        if (option == 'o') {
            options->output = optarg;
        } else if (option == 's') {
            options->samples = optarg;
        } else if (option == 'd') {
            options->scratch = optarg;
        } else {
            fputs(usage, stderr);
            return STATUS_USAGE;
        }
    }
    options->files = argv + optind;
    options->count = (size_t)(argc - optind);
    if (options->count == 0 || options->output == NULL) {
        return tell_usage(usage, options->count == 0 ? "no FILE given" : "-o OUT.html is missing",
                          "");
    }
    if (options->count > SNAPSHOTS_MAX) {
        return tell_usage(usage, "more files than a page takes: ", options->files[SNAPSHOTS_MAX]);
    }
    return 0;
}

static void choose_names(struct options *options)
{
    size_t length = options->scratch == NULL ? 0 : strlen(options->scratch);
    options->names = memory_zeroed(options->count, sizeof(*options->names));
    for (size_t i = 0; i < options->count; i++) {
        char *file = options->files[i];
        bool is_scratch = length != 0 && strncmp(file, options->scratch, length) == 0;
        options->names[i] = file + (is_scratch ? length : 0);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.output = NULL};
    int status = parse(&options, argc, argv);
    if (status == 0) {
        choose_names(&options);
        status = report_files(&options);
        free(options.names);
    }
    return status;
}
