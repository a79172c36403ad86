/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: trace files. An input describes a file in few bytes: what is changed in its header,
 * and for each chunk its place and its records; checksums are made to fit, so that what lies behind
 * them is reached. The reader says what is wrong and where, or reads to the end; it never steps
 * outside; what can be read can be planned. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../trace/input.h"
#include "events.h"
#include "file.h"
#include "plan.h"
#include "reader.h"
#include "source.h"

#define CHUNKS_MAX 4
#define FILE_MAX (TRACE_HEADER_BYTES + CHUNKS_MAX * TRACE_CHUNK_BYTES)

/* Bytes at the start of the header that have a meaning. */
#define HEADER_FIELDS 92

/* First bytes of a chunk's description from here on say that it is void; in a trace with call
 * stacks, from here on that it has them. */
#define KIND_VOID 0xf0
#define KIND_STACKS 0x80

/* Bytes that a plan may need; more is refused, which is a path to be taken, too. */
#define PLAN_MEMORY_MAX ((uint64_t)1 << 24)

const char program_name[] = "trace";

static unsigned char file[FILE_MAX];

/* ---- The file ---- */

static void make_header(struct source *source, unsigned chunks, bool is_partial, bool has_stacks)
{
    struct trace_header header = {.magic = TRACE_MAGIC,
                                  .version = has_stacks   ? TRACE_VERSION_STACKS
                                             : is_partial ? TRACE_VERSION_PARTIAL
                                                          : TRACE_VERSION,
                                  .sample = is_partial ? 1 + source_byte(source) : 0,
                                  .limit = is_partial ? source_byte(source) : 0,
                                  .header_bytes = TRACE_HEADER_BYTES,
                                  .chunk_bytes = TRACE_CHUNK_BYTES,
                                  .chunk_count = chunks,
                                  .start_ticks = 1000,
                                  .measured_ticks = 10,
                                  .measured_nanoseconds = 20,
                                  .command = "made"};
    memcpy(file, &header, sizeof(header));
    for (unsigned changes = source_byte(source) & 3; changes > 0; changes--) {
        unsigned place = source_below(source, HEADER_FIELDS);
        file[place] = source_byte(source);
    }
}

static uint32_t magic_of(unsigned kind, bool has_stacks)
{
    return kind >= KIND_VOID                   ? TRACE_CHUNK_VOID
           : has_stacks && kind >= KIND_STACKS ? TRACE_CHUNK_STACKS
                                               : TRACE_CHUNK_MAGIC;
}

static void make_chunk(struct source *source, unsigned index, bool has_stacks)
{
    unsigned char *start = file + TRACE_HEADER_BYTES + index * (size_t)TRACE_CHUNK_BYTES;
    unsigned kind = source_byte(source);
    struct trace_chunk chunk = {.magic = magic_of(kind, has_stacks),
                                .lane = source_byte(source) & 3,
                                .serial = source_byte(source) & 3,
                                .thread = source_byte(source) & 7,
                                .start_ticks = 1000 + source_number(source, 2)};
    size_t wanted = source_number(source, 2) % 2048;
    size_t length = wanted < source->length ? wanted : source->length;
    memset(start, 0, TRACE_CHUNK_BYTES);
    if (length != 0) {
        memcpy(start + sizeof(chunk), source->bytes, length);
        source->bytes += length;
        source->length -= length;
    }
    chunk.used = (uint32_t)((kind & 1) != 0 ? wanted * 40 : length);
    chunk.sealed = (kind & 2) != 0 ? 0 : (uint32_t)length;
    chunk.checksum = trace_checksum(&chunk, start + sizeof(chunk), length) + ((kind & 12) == 12);
    memcpy(start, &chunk, sizeof(chunk));
    if ((kind & 112) == 112) {
        start[source_below(source, sizeof(chunk))] = source_byte(source);
    }
}

/* Returns the file's length. */
static uint64_t make_file(struct source *source)
{
    unsigned kind = source_byte(source);
    unsigned chunks = kind % (CHUNKS_MAX + 1);
    bool has_stacks = (kind & 32) != 0;
    make_header(source, chunks, (kind & 16) != 0, has_stacks);
    for (unsigned i = 0; i < chunks; i++) {
        make_chunk(source, i, has_stacks);
    }
    uint64_t length = TRACE_HEADER_BYTES + chunks * (uint64_t)TRACE_CHUNK_BYTES;
    return (kind & 64) != 0 ? source_number(source, 4) % (length + 1) : length;
}

/* ---- Reading it ---- */

static void expect_told(const struct problem *problem, uint64_t length)
{
    expect(problem->offset <= length);
    expect(problem->text[0] != '\0');
    expect(memchr(problem->text, '\0', sizeof(problem->text)) != NULL);
}

/* What was checked when the trace was opened can be read. */
static void read_stacks(const struct stack_list *list)
{
    struct trace_frame frames[TRACE_DEPTH_MAX];
    for (uint32_t number = 1; number <= list->stack_count; number++) {
        size_t depth = stack_list_frames(list, number, frames);
        expect(depth <= TRACE_DEPTH_MAX);
        for (size_t i = 0; i < depth; i++) {
            expect(frames[i].object <= list->object_count);
        }
    }
}

/* Whether every record could be read. */
static bool reads(const unsigned char *bytes, uint64_t length)
{
    struct trace trace;
    struct problem problem = {UINT64_MAX, ""};
    enum reading reading = READING_PROBLEM;
    if (trace_open(&trace, bytes, length, &problem)) {
        struct events events;
        read_stacks(&trace.stacks);
        if (events_begin(&events, &trace, &problem)) {
            struct event event;
            uint64_t then = 0;
            while ((reading = events_next(&events, &event, &problem)) == READING_RECORD) {
                expect(event.nanoseconds >= then);
                expect(event.offset < length);
                expect(event.stack <= trace.stacks.stack_count);
                expect(event.operation != TRACE_NONE && event.operation < TRACE_OPERATION_COUNT);
                then = event.nanoseconds;
            }
        }
        events_end(&events);
    }
    trace_close(&trace);
    if (reading == READING_PROBLEM) {
        expect_told(&problem, length);
    }
    return reading == READING_END;
}

static void plan(const unsigned char *bytes, uint64_t length, bool readable)
{
    struct trace trace;
    struct problem problem = {0, ""};
    struct plan_settings settings = {.samples = 100, .memory_max = PLAN_MEMORY_MAX};
    int descriptor = input_temporary_file();
    expect(descriptor >= 0);
    bool done = trace_open(&trace, bytes, length, &problem) &&
                plan_write(&trace, &settings, descriptor, &problem);
    expect(done || problem.text[0] != '\0');
    expect(readable || !done);
    trace_close(&trace);
    close(descriptor);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct source source = {bytes, length};
    uint64_t file_length;
    bool is_planned = false;
    if (length != 0 && (bytes[0] & 128) != 0) {
        /* The file is the input itself. */
        file_length = length - 1 < FILE_MAX ? length - 1 : FILE_MAX;
        memcpy(file, bytes + 1, file_length);
    } else {
        is_planned = length != 0 && (bytes[0] & 32) != 0;
        file_length = make_file(&source);
    }
    /* Exactly as long, so that a sanitizer notices a step beyond its end. */
    unsigned char *copy = malloc(file_length + (file_length == 0));
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, file, file_length);
    bool readable = reads(copy, file_length);
    if (is_planned) {
        plan(copy, file_length, readable);
    }
    free(copy);
    return 0;
}
