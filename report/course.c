/* SPDX-License-Identifier: MIT
 * See course.h. The trace is read twice: to count its events and threads, and to follow them. */
#include "course.h"

#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"
#include "../trace/events.h"
#include "pages.h"

/* What is kept of a block while it lives. */
struct birth {
    uint64_t nanoseconds;
    uint64_t event;
    uint32_t thread;
    uint32_t stack;
    uint32_t next; /* of the unused ones */
};

struct reading_state {
    struct course *course;
    const struct course_input *input;
    const struct trace_sites *sites; /* NULL: none are known */
    struct pages pages;
    struct birth *births; /* the first is not used */
    size_t birth_count;
    size_t birth_capacity;
    uint32_t unused;
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t events_per_point;
    uint64_t most_live;        /* since the last point */
    uint32_t *place_of_thread; /* its index in the course's threads */
};

/* ---- Counting ---- */

static bool is_allocation(const struct record *record)
{
    return record->address != 0 &&
           (record->operation < TRACE_FREE || record->operation > TRACE_FREE_ALIGNED_SIZED) &&
           record->operation != TRACE_THREAD_END;
}

static struct course_thread *thread_of(struct course *course, struct reading_state *state,
                                       size_t *capacity, uint32_t number)
{
    uint32_t *place = &state->place_of_thread[number];
    if (*place == UINT32_MAX) {
        course->threads =
            memory_grow(course->threads, course->thread_count, capacity, sizeof(*course->threads));
        course->threads[course->thread_count] = (struct course_thread){.number = number};
        *place = (uint32_t)course->thread_count++;
    }
    return &course->threads[*place];
}

static int compare_threads(const void *left, const void *right)
{
    const struct course_thread *a = left;
    const struct course_thread *b = right;
    if (a->allocations != b->allocations) {
        return a->allocations > b->allocations ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static void sort_threads(struct course *course, struct reading_state *state)
{
    if (course->thread_count > 1) {
        qsort(course->threads, course->thread_count, sizeof(*course->threads), compare_threads);
    }
    for (size_t i = 0; i < course->thread_count; i++) {
        state->place_of_thread[course->threads[i].number] = (uint32_t)i;
    }
}

static bool count_events(struct course *course, struct reading_state *state, struct trace *trace,
                         struct problem *problem)
{
    size_t capacity = 0;
    size_t places = (size_t)trace->thread_max + 1;
    state->place_of_thread = memory_zeroed(places, sizeof(*state->place_of_thread));
    memset(state->place_of_thread, 0xff, places * sizeof(*state->place_of_thread));
    for (size_t lane = 0; lane < trace->lane_count; lane++) {
        struct record record;
        enum reading reading;
        while ((reading = trace_next(trace, lane, &record, problem)) == READING_RECORD) {
            course->events++;
            thread_of(course, state, &capacity, record.thread)->allocations +=
                is_allocation(&record);
        }
        if (reading == READING_PROBLEM) {
            return false;
        }
    }
    sort_threads(course, state);
    return true;
}

/* ---- Blocks ---- */

static uint32_t take_birth(struct reading_state *state)
{
    if (state->unused != 0) {
        uint32_t taken = state->unused;
        state->unused = state->births[taken].next;
        return taken;
    }
    state->births = memory_grow(state->births, state->birth_count, &state->birth_capacity,
                                sizeof(*state->births));
    return (uint32_t)state->birth_count++;
}

static uint16_t moment_of(const struct course *course, uint64_t event)
{
    return (uint16_t)(event / course->events_per_moment);
}

static uint32_t site_of(const struct reading_state *state, uint32_t stack)
{
    return state->sites == NULL ? 0 : state->sites->site_of[stack];
}

static void add_to_picture(struct reading_state *state, const struct block *block, uint16_t until)
{
    const struct birth *birth = &state->births[block->slot];
    struct span span = {.address = block->address,
                        .bytes = block->size,
                        .blocks = 1,
                        .thread = birth->thread,
                        .from = moment_of(state->course, birth->event),
                        .until = until,
                        .site = state->sites == NULL ? 0 : state->sites->shown_as[birth->stack],
                        .kind = SPAN_USED};
    picture_add(&state->course->picture, span);
    for (size_t i = 0; i < state->input->map_count; i++) {
        struct course_map *map = &state->input->maps[i];
        span.address = block->id <= map->count ? map->addresses[block->id - 1] : 0;
        if (span.address != 0) {
            picture_add(&map->picture, span);
        }
    }
}

static unsigned size_class_of(uint64_t bytes)
{
    unsigned bits = bytes == 0 ? 0 : 64 - (unsigned)__builtin_clzll(bytes);
    return bits < COURSE_SIZES ? bits : COURSE_SIZES - 1;
}

static unsigned life_class_of(uint64_t nanoseconds)
{
    unsigned digits = 0;
    for (; nanoseconds >= 10 && digits < COURSE_LIVES - 2; nanoseconds /= 10) {
        digits++;
    }
    return digits;
}

static void add_to_tally(struct tally *tally, uint64_t bytes)
{
    tally->blocks++;
    tally->bytes += bytes;
}

static void begin_life(struct reading_state *state, const struct event *event, uint64_t number)
{
    struct block *block = event->gained;
    block->slot = take_birth(state);
    state->births[block->slot] = (struct birth){.nanoseconds = event->nanoseconds,
                                                .event = number,
                                                .thread = event->thread,
                                                .stack = event->stack};
    state->live_blocks++;
    state->live_bytes += block->size;
    pages_add(&state->pages, block->address, block->size);
    struct course *course = state->course;
    if (state->sites != NULL) {
        site_sums_add(&course->sites, site_of(state, event->stack), block->size);
    }
    course->allocations++;
    add_to_tally(&course->sizes[size_class_of(block->size)], block->size);
    course->threads[state->place_of_thread[event->thread]].bytes += block->size;
}

static void end_life(struct reading_state *state, const struct event *event,
                     const struct block *block, uint64_t number)
{
    struct course *course = state->course;
    struct birth *birth = &state->births[block->slot];
    struct course_thread *thread = &course->threads[state->place_of_thread[event->thread]];
    uint64_t life =
        event->nanoseconds > birth->nanoseconds ? event->nanoseconds - birth->nanoseconds : 0;
    course->frees++;
    thread->frees++;
    thread->foreign_frees += birth->thread != event->thread;
    if (state->sites != NULL) {
        site_sums_remove(&course->sites, site_of(state, birth->stack), block->size, life);
    }
    add_to_tally(&course->lives[life_class_of(life)], block->size);
    add_to_picture(state, block, moment_of(course, number));
    pages_remove(&state->pages, block->address, block->size);
    state->live_blocks--;
    state->live_bytes -= block->size;
    birth->next = state->unused;
    state->unused = block->slot;
}

/* ---- Curves ---- */

static struct course_point *open_point(struct reading_state *state)
{
    return &state->course->points[state->course->point_count];
}

static void close_point(struct reading_state *state, uint64_t nanoseconds, uint64_t events)
{
    struct course_point *point = open_point(state);
    point->nanoseconds = nanoseconds;
    point->events = events;
    point->live_bytes = state->most_live;
    point->live_blocks = state->live_blocks;
    point->held_bytes = state->pages.held * PAGE_BYTES;
    state->course->point_count++;
    state->most_live = state->live_bytes;
}

static void note_moment(struct reading_state *state, uint64_t nanoseconds, uint64_t number)
{
    uint16_t moment = moment_of(state->course, number);
    state->course->moment_nanoseconds[moment] = nanoseconds;
    state->course->moment_live_bytes[moment] = state->live_bytes;
}

static void note_live(struct reading_state *state, uint64_t number)
{
    struct course *course = state->course;
    if (state->live_bytes > state->most_live) {
        state->most_live = state->live_bytes;
    }
    if (state->live_bytes > course->peak_live_bytes) {
        course->peak_live_bytes = state->live_bytes;
        course->peak_event = number;
        site_sums_note_peak(&course->sites);
    }
}

static void follow(struct reading_state *state, const struct event *event, uint64_t number)
{
    struct course *course = state->course;
    if (event->freed.address != 0) {
        end_life(state, event, &event->freed, number);
    }
    if (event->lost.address != 0) {
        end_life(state, event, &event->lost, number);
    }
    if (event->gained != NULL) {
        begin_life(state, event, number);
        uint32_t place = state->place_of_thread[event->thread];
        place = place < COURSE_THREADS_MAX ? place : COURSE_THREADS_MAX;
        open_point(state)->allocations[place]++;
    }
    note_live(state, number);
    note_moment(state, event->nanoseconds, number);
    course->nanoseconds = event->nanoseconds;
    if ((number + 1) % state->events_per_point == 0 || number + 1 == course->events) {
        close_point(state, event->nanoseconds, number + 1);
    }
}

/* ---- The whole ---- */

static uint64_t parts_of(uint64_t events, uint64_t parts)
{
    return events == 0 ? 1 : (events + parts - 1) / parts;
}

static void add_survivors(struct reading_state *state, const struct block_table *live)
{
    for (size_t i = 0; i < live->capacity; i++) {
        const struct block *block = &live->blocks[i];
        if (block->address != 0) {
            add_to_picture(state, block, UINT16_MAX);
            add_to_tally(&state->course->lives[COURSE_LIVES - 1], block->size);
        }
    }
}

static void divide(struct reading_state *state)
{
    struct course *course = state->course;
    course->events_per_moment = parts_of(course->events, PICTURE_MOMENTS_MAX);
    state->events_per_point = parts_of(course->events, COURSE_POINTS_MAX);
    uint64_t moments = (course->events + course->events_per_moment - 1) / course->events_per_moment;
    picture_begin(&course->picture, (uint32_t)moments, PICTURE_SPANS_MAX);
    for (size_t i = 0; i < state->input->map_count; i++) {
        picture_begin(&state->input->maps[i].picture, (uint32_t)moments, PICTURE_SPANS_MAX);
    }
}

static bool follow_all(struct reading_state *state, struct trace *trace, struct problem *problem)
{
    struct course *course = state->course;
    struct events events;
    enum reading reading = READING_PROBLEM;
    if (events_begin(&events, trace, problem)) {
        struct event event;
        for (uint64_t number = 0;
             (reading = events_next(&events, &event, problem)) == READING_RECORD; number++) {
            follow(state, &event, number);
        }
        if (reading == READING_END) {
            add_survivors(state, &events.live);
        }
        course->unknown_frees = events.unknown_frees;
        course->lost_frees = events.lost_frees;
    }
    events_end(&events);
    return reading == READING_END;
}

static void scale_tallies(struct tally *tallies, size_t count, uint64_t sample)
{
    for (size_t i = 0; i < count; i++) {
        tallies[i].blocks *= sample;
        tallies[i].bytes *= sample;
    }
}

static void scale_points(struct course *course)
{
    for (size_t i = 0; i < course->point_count; i++) {
        struct course_point *point = &course->points[i];
        point->events *= course->sample;
        point->live_bytes *= course->sample;
        point->live_blocks *= course->sample;
        for (size_t place = 0; place <= COURSE_THREADS_MAX; place++) {
            point->allocations[place] *= course->sample;
        }
    }
    for (size_t i = 0; i < PICTURE_MOMENTS_MAX; i++) {
        course->moment_live_bytes[i] *= course->sample;
    }
}

static void scale_threads(struct course *course)
{
    for (size_t i = 0; i < course->thread_count; i++) {
        struct course_thread *thread = &course->threads[i];
        thread->allocations *= course->sample;
        thread->frees *= course->sample;
        thread->foreign_frees *= course->sample;
        thread->bytes *= course->sample;
    }
}

static void scale(struct course *course)
{
    uint64_t *const sums[] = {&course->events,          &course->events_per_moment,
                              &course->peak_live_bytes, &course->end_live_bytes,
                              &course->end_live_blocks, &course->allocations,
                              &course->frees,           &course->unknown_frees,
                              &course->lost_frees,      &course->missing_events};
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        *sums[i] *= course->sample;
    }
    scale_points(course);
    scale_threads(course);
    scale_tallies(course->sizes, COURSE_SIZES, course->sample);
    scale_tallies(course->lives, COURSE_LIVES, course->sample);
}

static void finish_pictures(const struct reading_state *state)
{
    picture_finish(&state->course->picture);
    for (size_t i = 0; i < state->input->map_count; i++) {
        picture_finish(&state->input->maps[i].picture);
    }
}

bool course_read(struct course *course, struct trace *trace, const struct course_input *input,
                 struct problem *problem)
{
    *course = (struct course){.events = 0};
    struct reading_state state = {.course = course, .input = input, .sites = input->sites};
    if (input->sites != NULL) {
        site_sums_begin(&course->sites, input->sites->names.count + 1);
    }
    take_birth(&state);
    bool done = trace_open(trace, input->bytes, input->length, problem) &&
                count_events(course, &state, trace, problem);
    trace_close(trace);
    *trace = (struct trace){.bytes = NULL};
    if (done) {
        divide(&state);
        done = trace_open(trace, input->bytes, input->length, problem) &&
               follow_all(&state, trace, problem);
        finish_pictures(&state);
        course->end_live_bytes = state.live_bytes;
        course->end_live_blocks = state.live_blocks;
        course->begin_nanoseconds = trace_nanoseconds(trace, trace->begin_ticks);
        course->missing_events = trace_missing_events(trace);
        course->sample = trace->sample;
        scale(course);
        site_sums_finish(&course->sites, course->sample);
    }
    pages_free(&state.pages);
    free(state.births);
    free(state.place_of_thread);
    return done;
}

void course_free(struct course *course)
{
    picture_free(&course->picture);
    site_sums_free(&course->sites);
    free(course->threads);
}
