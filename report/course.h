/* SPDX-License-Identifier: MIT
 *
 * A trace as a report shows it: the picture of its blocks, figures over time, and how large blocks
 * were and how long they lived. */
#ifndef REPORT_COURSE_H
#define REPORT_COURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/reader.h"
#include "picture.h"
#include "site_sums.h"
#include "trace_sites.h"

/* Points of the curves. */
#define COURSE_POINTS_MAX 1024

/* Threads with a curve and a row of their own; the others are one more. */
#define COURSE_THREADS_MAX 8

/* Sizes by powers of two, lives by powers of ten of nanoseconds; the last are those that stayed. */
#define COURSE_SIZES 48
#define COURSE_LIVES 13

struct course_point {
    uint64_t nanoseconds;
    uint64_t events;
    uint64_t live_bytes; /* the most since the last point */
    uint64_t live_blocks;
    uint64_t held_bytes;                          /* of the pages that blocks lie on */
    uint64_t allocations[COURSE_THREADS_MAX + 1]; /* since the last point */
};

struct tally {
    uint64_t blocks;
    uint64_t bytes;
};

struct course_thread {
    uint32_t number;
    uint64_t allocations;
    uint64_t frees;
    uint64_t foreign_frees; /* of blocks that another thread allocated */
    uint64_t bytes;
};

/* The same blocks where a replay had them. */
struct course_map {
    uint64_t *addresses; /* by the numbers of the blocks; 0: none, as for no bytes */
    uint64_t count;      /* of addresses: as many as there are allocations */
    struct picture picture;
};

struct course_input {
    const unsigned char *bytes;
    uint64_t length;
    const struct trace_sites *sites; /* NULL: not wanted */
    struct course_map *maps;         /* whose pictures are to be made */
    size_t map_count;
};

/* Of a sample all sums are estimates, scaled to the whole program; the picture and the pages are of
 * what was recorded. */
struct course {
    struct picture picture;
    uint32_t sample; /* of one address in so many; 1: of all */
    uint64_t events;
    uint64_t events_per_moment; /* at first */
    uint64_t moment_nanoseconds[PICTURE_MOMENTS_MAX];
    uint64_t moment_live_bytes[PICTURE_MOMENTS_MAX];
    struct course_point points[COURSE_POINTS_MAX];
    uint32_t point_count;
    struct tally sizes[COURSE_SIZES];
    struct tally lives[COURSE_LIVES];
    struct site_sums sites;        /* by call site; empty without them */
    struct course_thread *threads; /* by allocations, the most first */
    size_t thread_count;
    uint64_t nanoseconds;
    uint64_t begin_nanoseconds; /* before that a limit let everything go, ... */
    uint64_t missing_events;    /* ... about so many */
    uint64_t peak_live_bytes;
    uint64_t peak_event;
    uint64_t end_live_bytes;
    uint64_t end_live_blocks;
    uint64_t allocations;
    uint64_t frees;
    uint64_t unknown_frees;
    uint64_t lost_frees;
};

/* Reads the trace to its end. The pictures of the maps have the moments of the course's, unless the
 * counts of addresses or zeros among them differ from the trace. False with the problem set;
 * course_free is allowed after a failure, too. */
bool course_read(struct course *course, struct trace *trace, const struct course_input *input,
                 struct problem *problem);
void course_free(struct course *course);

#endif
