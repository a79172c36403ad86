/* SPDX-License-Identifier: MIT
 * See heap_file.h. */
#include "heap_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "course.h"
#include "heap_snapshot.h"

#define PROFILE_MAGIC "brkmalloc heap profile"
#define NANOSECONDS_PER_SECOND 1e9

bool heap_file_is_trace(const struct input *input)
{
    return input->length >= strlen(TRACE_MAGIC) &&
           memcmp(input->bytes, TRACE_MAGIC, strlen(TRACE_MAGIC)) == 0;
}

bool heap_file_is_profile(const struct input *input)
{
    return input->length >= strlen(PROFILE_MAGIC) &&
           memcmp(input->bytes, PROFILE_MAGIC, strlen(PROFILE_MAGIC)) == 0;
}

static bool is_snapshot(const struct input *input)
{
    uint64_t at = 0;
    while (at < input->length && strchr(" \t\r\n", input->bytes[at]) != NULL &&
           input->bytes[at] != '\0') {
        at++;
    }
    return at < input->length && input->bytes[at] == '{';
}

bool heap_file_is_known(const struct input *input, struct problem *problem)
{
    if (heap_file_is_trace(input) || heap_file_is_profile(input) || is_snapshot(input)) {
        return true;
    }
    problem->offset = 0;
    snprintf(problem->text, sizeof(problem->text), "%s",
             input->length == 0 ? "the file is empty"
                                : "this is neither a trace nor a snapshot or profile of a heap");
    return false;
}

static bool has_no_picture(struct problem *problem)
{
    problem->offset = 0;
    snprintf(problem->text, sizeof(problem->text),
             "a heap profile has no addresses for a map; `brkmalloc report` shows it");
    return false;
}

static void take_moments(struct heap_file *file, const struct course *course)
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

static bool read_trace(struct heap_file *file, const struct input *input, struct problem *problem)
{
    static struct course course;
    struct trace trace;
    bool done =
        course_read(&course, &trace,
                    &(struct course_input){input->bytes, input->length, NULL, NULL, 0}, problem);
    if (done) {
        take_moments(file, &course);
        file->picture = course.picture;
        course.picture = (struct picture){.count = 0};
    }
    trace_close(&trace);
    course_free(&course);
    return done;
}

bool heap_file_read(struct heap_file *file, const struct input *input, struct problem *problem)
{
    *file = (struct heap_file){.moments = 0};
    if (!heap_file_is_known(input, problem)) {
        return false;
    }
    if (heap_file_is_trace(input)) {
        return read_trace(file, input, problem);
    }
    if (heap_file_is_profile(input)) {
        return has_no_picture(problem);
    }
    struct heap_snapshot snapshot;
    picture_begin(&file->picture, 1, PICTURE_SPANS_MAX);
    struct call_sites *sites = memory_zeroed(1, sizeof(*sites));
    struct snapshot_place place = {&file->picture, sites, 0, true};
    bool done = heap_snapshot_read(&snapshot, place, input->bytes, input->length, problem);
    call_sites_free(sites);
    free(sites);
    heap_snapshot_free(&snapshot);
    if (!done) {
        return false;
    }
    picture_finish(&file->picture);
    file->moments = 1;
    file->live_bytes[0] = heap_snapshot_live(&snapshot).bytes;
    return true;
}

void heap_file_free(struct heap_file *file)
{
    picture_free(&file->picture);
}
