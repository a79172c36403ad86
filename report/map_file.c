/* SPDX-License-Identifier: MIT
 * See map_file.h. */
#include "map_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "call_sites.h"
#include "course.h"
#include "heap_file.h"
#include "heap_snapshot.h"
#include "trace_sites.h"

#define NANOSECONDS_PER_SECOND 1e9

static bool has_no_picture(struct problem *problem)
{
    problem->offset = 0;
    snprintf(problem->text, sizeof(problem->text),
             "a heap profile has no addresses for a map; `brkmalloc report` shows it");
    return false;
}

/* ---- Traces ---- */

static void take_moments(struct map_file *file, const struct course *course)
{
    file->is_trace = true;
    file->moments = picture_moments(&course->picture);
    for (uint32_t i = 0; i < file->moments; i++) {
        size_t first = picture_first_moment(&course->picture, i);
        file->seconds[i] = (double)course->moment_nanoseconds[first] / NANOSECONDS_PER_SECOND;
        file->live_bytes[i] = course->moment_live_bytes[first];
        file->peak = file->live_bytes[i] > file->live_bytes[file->peak] ? i : file->peak;
    }
}

static bool read_course(struct map_file *file, const struct course_input *input,
                        struct problem *problem)
{
    static struct course course;
    struct trace trace;
    bool done = course_read(&course, &trace, input, problem);
    if (done) {
        take_moments(file, &course);
        file->picture = course.picture;
        course.picture = (struct picture){.count = 0};
    }
    trace_close(&trace);
    course_free(&course);
    return done;
}

static bool read_trace(struct map_file *file, const struct input *input, bool wants_sites,
                       struct problem *problem)
{
    struct trace_sites sites = {.site_of = NULL};
    struct course_input course_input = {.bytes = input->bytes, .length = input->length};
    bool done = true;
    if (wants_sites) {
        done = trace_sites_make(&sites, input->bytes, input->length, problem);
        course_input.sites = &sites;
    }
    done = done && read_course(file, &course_input, problem);
    if (done) {
        map_sites_make(&file->sites, &file->picture, &sites.stacks, 0);
    }
    trace_sites_free(&sites);
    return done;
}

/* ---- Snapshots ---- */

static void add_stack(void *context, const char *lines)
{
    struct name_table *stacks = context;
    /* Two stacks may have the same names: the number makes them differ. */
    struct text text = {.bytes = NULL};
    text_format(&text, "%s\n%u", lines, (unsigned)stacks->count);
    name_table_add(stacks, text.bytes, text.length);
    text_free(&text);
}

static void name_sites(struct map_file *file, const struct call_sites *sites, uint64_t interval)
{
    struct name_table stacks = {.count = 0};
    call_sites_each(sites, add_stack, &stacks);
    map_sites_make(&file->sites, &file->picture, &stacks, interval);
    name_table_free(&stacks);
}

static bool read_snapshot(struct map_file *file, const struct input *input, bool wants_sites,
                          struct problem *problem)
{
    struct heap_snapshot snapshot;
    struct call_sites *sites = memory_zeroed(1, sizeof(*sites));
    struct snapshot_place place = {&file->picture, sites, 0, true};
    picture_begin(&file->picture, 1, PICTURE_SPANS_MAX);
    bool done = heap_snapshot_read(&snapshot, place, input->bytes, input->length, problem);
    if (done) {
        picture_finish(&file->picture);
        file->moments = 1;
        file->live_bytes[0] = heap_snapshot_live(&snapshot).bytes;
    }
    if (done && wants_sites) {
        name_sites(file, sites, snapshot.interval);
    }
    call_sites_free(sites);
    free(sites);
    heap_snapshot_free(&snapshot);
    return done;
}

/* ---- The whole ---- */

bool map_file_read(struct map_file *file, const struct input *input, bool wants_sites,
                   struct problem *problem)
{
    *file = (struct map_file){.moments = 0};
    if (!heap_file_is_known(input, problem)) {
        return false;
    }
    if (heap_file_is_profile(input)) {
        return has_no_picture(problem);
    }
    return heap_file_is_trace(input) ? read_trace(file, input, wants_sites, problem)
                                     : read_snapshot(file, input, wants_sites, problem);
}

void map_file_free(struct map_file *file)
{
    picture_free(&file->picture);
    map_sites_free(&file->sites);
}
