/* SPDX-License-Identifier: MIT
 *
 * Reads the records of a trace lane by lane. Nothing in the file is believed: each number is
 * checked before it is used, and what is wrong is told with its offset. */
#ifndef BRKMALLOC_TRACE_READER_H
#define BRKMALLOC_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "problem.h"
#include "stack_list.h"

struct record {
    unsigned operation;
    uint32_t thread;
    uint64_t ticks;     /* of a realloc: when it began */
    uint64_t end_ticks; /* the same for all others */
    uint64_t address;   /* 0: the call failed */
    uint64_t old_address;
    uint64_t size;
    unsigned alignment_bits;
    uint32_t stack;  /* number of the one that allocated; 0: not known */
    uint64_t offset; /* in the file */
};

/* A chunk whose header is sound. */
struct chunk_place {
    uint64_t offset;
    uint32_t lane;
    uint32_t serial;
    uint32_t used;
};

/* Where reading stands in one lane. */
struct lane_reader {
    size_t chunk; /* index of the next one to be opened */
    size_t chunk_end;
    uint64_t at; /* offsets in the file: of the next record, and of the chunk's end */
    uint64_t end;
    uint64_t ticks;
    uint64_t rotated_address;
    uint64_t records; /* so far, of which so many are from before the trace's beginning */
    uint64_t left_out;
    uint32_t thread;
    uint32_t stack; /* of the next allocations; 0: not known */
};

struct trace {
    const unsigned char *bytes;
    uint64_t length;
    struct trace_header header;
    struct chunk_place *chunks; /* by lane and serial number */
    size_t chunk_count;
    struct lane_reader *lanes;
    size_t lane_count;
    struct stack_list stacks;
    uint64_t bytes_of_records;
    uint64_t missing_chunks; /* the oldest, of a file with a limit */
    uint64_t begin_ticks;    /* from which on nothing is missing; what is before is left out */
    uint32_t sample;         /* the blocks of one address in so many are recorded; 1: all */
    uint32_t thread_max;     /* no thread can have a higher number */
};

/* The bytes must stay until trace_close, which is allowed after a failure, too. */
bool trace_open(struct trace *trace, const unsigned char *bytes, uint64_t length,
                struct problem *problem);
void trace_close(struct trace *trace);

enum reading { READING_RECORD, READING_END, READING_PROBLEM };

/* Whether call stacks were recorded. */
bool trace_has_stacks(const struct trace *trace);

/* The next record of a lane but TRACE_THREAD and TRACE_STACK ones, whose number is in those that
 * follow. */
enum reading trace_next(const struct trace *trace, size_t lane, struct record *record,
                        struct problem *problem);

/* About how many events a limit has cost, after all others have been read. */
uint64_t trace_missing_events(const struct trace *trace);

/* Nanoseconds since the recording began. */
uint64_t trace_nanoseconds(const struct trace *trace, uint64_t ticks);

#endif
