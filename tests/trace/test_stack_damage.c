/* SPDX-License-Identifier: MIT
 *
 * Traces whose call stacks are cut off at each byte or changed: the reader says what is wrong and
 * where, or has stacks that can be read to their last frame; it never steps outside. To be run
 * under sanitizers, too. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "lane.h"
#include "stack_list.h"

/* A lane, and two chunks of stacks behind it. */
enum { LANE, STACKS, MORE_STACKS, CHUNKS };

#define FILE_BYTES (TRACE_HEADER_BYTES + CHUNKS * TRACE_CHUNK_BYTES)
#define DAMAGES 60000

/* Stacks of the first chunk; the second has as many. Of the last few no block is. */
#define STACKS_OF_CHUNK 20
#define STACKS_WITHOUT_BLOCKS 3

static unsigned char file[FILE_BYTES];
static unsigned char changed[FILE_BYTES];
static int failures;

static void expect(const char *what, bool truth, uint64_t about)
{
    if (!truth) {
        failures++;
        printf("FAILED: %s (%llu)\n", what, (unsigned long long)about);
    }
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_below(uint64_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % count;
}

/* ---- The trace ---- */

static struct trace_chunk *chunk_at(unsigned char *bytes, size_t index)
{
    return (void *)(bytes + TRACE_HEADER_BYTES + index * TRACE_CHUNK_BYTES);
}

static uint64_t start_of(size_t index)
{
    return TRACE_HEADER_BYTES + index * TRACE_CHUNK_BYTES;
}

static uint64_t records_of(size_t index)
{
    return start_of(index) + sizeof(struct trace_chunk);
}

static void seal(unsigned char *bytes, size_t index)
{
    struct trace_chunk *chunk = chunk_at(bytes, index);
    chunk->sealed = chunk->used;
    chunk->checksum = trace_checksum(chunk, (unsigned char *)(chunk + 1), chunk->sealed);
}

/* Records that are written one behind the other into a chunk. */
struct writer {
    struct trace_chunk *chunk;
};

static void put_bytes(struct writer *writer, const void *bytes, size_t length)
{
    memcpy((unsigned char *)(writer->chunk + 1) + writer->chunk->used, bytes, length);
    writer->chunk->used += (uint32_t)length;
}

static void put_number(struct writer *writer, uint64_t number)
{
    do {
        unsigned char byte = (unsigned char)((number & 127) | (number > 127 ? 128 : 0));
        put_bytes(writer, &byte, 1);
        number >>= 7;
    } while (number != 0);
}

static void put_object(struct writer *writer, uint64_t start, const char *path)
{
    put_bytes(writer, "o", 1);
    for (uint64_t i = 0; i < TRACE_OBJECT_NUMBERS; i++) {
        put_number(writer, i < 2 ? start + 0x100000 * i : i);
    }
    put_number(writer, 3);
    put_bytes(writer, "\x12\x34\x56", 3);
    put_number(writer, strlen(path));
    put_bytes(writer, path, strlen(path));
}

static uint64_t address_of(size_t stack, size_t frame)
{
    return 0x400000 + 0x1000 * stack + 16 * frame;
}

static size_t depth_of(size_t stack)
{
    return stack % 7;
}

static void put_stack(struct writer *writer, size_t stack)
{
    uint64_t before = 0;
    put_bytes(writer, "s", 1);
    put_number(writer, depth_of(stack));
    for (size_t i = 0; i < depth_of(stack); i++) {
        put_number(writer, i % 3); /* object */
        put_number(writer, trace_zigzag(address_of(stack, i) - before));
        before = address_of(stack, i);
    }
}

static struct writer begin_stacks(unsigned char *bytes, size_t index)
{
    struct writer writer = {chunk_at(bytes, index)};
    *writer.chunk =
        (struct trace_chunk){.magic = TRACE_CHUNK_STACKS, .serial = (uint32_t)(index - STACKS)};
    return writer;
}

static void make_lane(void)
{
    struct trace_chunk *chunk = chunk_at(file, LANE);
    *chunk = (struct trace_chunk){.magic = TRACE_CHUNK_MAGIC, .start_ticks = 1000};
    struct lane lane = {.window = chunk, .ticks = chunk->start_ticks};
    lane.cursor = lane_records(&lane);
    lane_write(&lane, (struct call){.operation = TRACE_THREAD, .size = 1});
    for (uint32_t i = 1; i <= 2 * STACKS_OF_CHUNK - STACKS_WITHOUT_BLOCKS; i++) {
        lane_write_stack(&lane, i);
        lane_write(&lane, (struct call){.operation = TRACE_MALLOC,
                                        .ticks = lane.ticks + 5,
                                        .address = 0x10000 + 64 * i,
                                        .size = i});
    }
}

static void make_trace(void)
{
    struct trace_header header = {.magic = TRACE_MAGIC,
                                  .version = TRACE_VERSION_STACKS,
                                  .header_bytes = TRACE_HEADER_BYTES,
                                  .chunk_bytes = TRACE_CHUNK_BYTES,
                                  .chunk_count = CHUNKS,
                                  .start_ticks = 1000,
                                  .measured_ticks = 10,
                                  .measured_nanoseconds = 20,
                                  .command = "made"};
    memcpy(file, &header, sizeof(header));
    make_lane();
    struct writer writer = begin_stacks(file, STACKS);
    put_object(&writer, 0x400000, "/usr/bin/program");
    put_object(&writer, 0x7f0000000000, "/usr/lib/libone.so");
    for (size_t i = 0; i < STACKS_OF_CHUNK; i++) {
        put_stack(&writer, i);
    }
    writer = begin_stacks(file, MORE_STACKS);
    for (size_t i = STACKS_OF_CHUNK; i < 2 * STACKS_OF_CHUNK; i++) {
        put_stack(&writer, i);
    }
    for (size_t i = 0; i < CHUNKS; i++) {
        seal(file, i);
    }
}

/* ---- Reading it ---- */

static uint64_t sum_of_stacks(const struct trace *trace)
{
    struct trace_frame frames[TRACE_DEPTH_MAX];
    uint64_t sum = 0;
    for (uint32_t number = 1; number <= trace->stacks.stack_count; number++) {
        size_t depth = stack_list_frames(&trace->stacks, number, frames);
        for (size_t i = 0; i < depth; i++) {
            expect("a frame's object is one of the trace",
                   frames[i].object <= trace->stacks.object_count, frames[i].object);
            sum += frames[i].address;
        }
    }
    for (size_t i = 0; i < trace->stacks.object_count; i++) {
        const struct trace_object *object = &trace->stacks.objects[i];
        for (size_t k = 0; k < object->path_length; k++) {
            sum += (unsigned char)object->path[k];
        }
        for (size_t k = 0; k < object->build_id_length; k++) {
            sum += object->build_id[k];
        }
    }
    return sum;
}

/* Whether every record could be read; otherwise the problem is inside the file and has words. */
static bool reads(const unsigned char *bytes, uint64_t length, struct problem *problem)
{
    struct trace trace;
    struct events events;
    struct event event;
    enum reading reading = READING_PROBLEM;
    *problem = (struct problem){UINT64_MAX, ""};
    if (trace_open(&trace, bytes, length, problem)) {
        sum_of_stacks(&trace);
        if (events_begin(&events, &trace, problem)) {
            while ((reading = events_next(&events, &event, problem)) == READING_RECORD) {
                expect("a block's stack is one of the trace",
                       event.stack <= trace.stacks.stack_count, event.stack);
            }
        }
        events_end(&events);
    }
    trace_close(&trace);
    if (reading == READING_PROBLEM) {
        expect("the offset lies in the file", problem->offset <= length, problem->offset);
        expect("the problem has words", problem->text[0] != '\0', problem->offset);
    }
    return reading == READING_END;
}

/* Exactly so long as asked, so that a sanitizer notices a step beyond its end. */
static bool reads_copy(const unsigned char *bytes, uint64_t length, struct problem *problem)
{
    unsigned char *copy = malloc(length);
    memcpy(copy, bytes, length);
    bool done = reads(copy, length, problem);
    free(copy);
    return done;
}

static void test_whole(void)
{
    struct trace trace;
    struct problem problem;
    struct trace_frame frames[TRACE_DEPTH_MAX];
    expect("the trace is read", reads(file, FILE_BYTES, &problem), FILE_BYTES);
    expect("it is opened", trace_open(&trace, file, FILE_BYTES, &problem), FILE_BYTES);
    expect("the stacks", trace.stacks.stack_count == 2 * STACKS_OF_CHUNK, trace.stacks.stack_count);
    expect("the objects", trace.stacks.object_count == 2, trace.stacks.object_count);
    for (uint32_t i = 0; i < trace.stacks.stack_count; i++) {
        expect("a stack's depth", stack_list_frames(&trace.stacks, i + 1, frames) == depth_of(i),
               i);
        for (size_t k = 0; k < depth_of(i); k++) {
            expect("a frame", frames[k].address == address_of(i, k) && frames[k].object == k % 3,
                   i);
        }
    }
    trace_close(&trace);
}

/* ---- Cut off ---- */

static void test_truncation(void)
{
    struct problem problem;
    uint64_t end = records_of(MORE_STACKS) + chunk_at(file, MORE_STACKS)->used;
    for (uint64_t length = records_of(MORE_STACKS) - 100; length < end + 10; length++) {
        expect("a cut is told where the file ends",
               reads_copy(file, length, &problem) == (length >= end) &&
                   (length >= end || problem.offset == length),
               length);
    }
}

/* A chunk that has fewer bytes than were written is sound between two records of stacks that no
 * block has; a record that is cut is told where it begins. */
static void test_record_boundaries(void)
{
    struct trace_chunk *last = chunk_at(changed, MORE_STACKS);
    memcpy(changed, file, FILE_BYTES);
    last->sealed = 0;
    unsigned sound = 0;
    for (uint32_t used = chunk_at(file, MORE_STACKS)->used; used > 0; used--) {
        struct problem problem;
        last->used = used;
        bool done = reads_copy(changed, records_of(MORE_STACKS) + used, &problem);
        sound += done;
        bool is_of_block = problem.offset >= records_of(LANE) && problem.offset < start_of(STACKS);
        expect("where the record begins, or a block's stack is missing",
               done || is_of_block || changed[problem.offset] == TRACE_RECORD_STACK,
               problem.offset);
    }
    expect("so many boundaries as stacks without blocks, and the end",
           sound == STACKS_WITHOUT_BLOCKS + 1, sound);
}

/* ---- Changed ---- */

static void test_checksum(void)
{
    memcpy(changed, file, FILE_BYTES);
    for (size_t chunk = STACKS; chunk < CHUNKS; chunk++) {
        for (uint32_t i = 0; i < chunk_at(file, chunk)->used; i++) {
            struct problem problem;
            changed[records_of(chunk) + i] ^= 0x10;
            expect("a changed byte is noticed in its chunk",
                   !reads(changed, FILE_BYTES, &problem) && problem.offset == start_of(chunk), i);
            changed[records_of(chunk) + i] ^= 0x10;
        }
    }
}

static void test_damage(void)
{
    unsigned sound = 0;
    for (unsigned i = 0; i < DAMAGES; i++) {
        struct problem problem;
        memcpy(changed, file, FILE_BYTES);
        for (uint64_t turns = 1 + random_below(3); turns > 0; turns--) {
            size_t chunk = STACKS + random_below(CHUNKS - STACKS);
            uint64_t bytes = sizeof(struct trace_chunk) + chunk_at(file, chunk)->used;
            changed[start_of(chunk) + random_below(bytes)] ^=
                (unsigned char)(1 + random_below(255));
        }
        chunk_at(changed, STACKS)->sealed = chunk_at(changed, MORE_STACKS)->sealed = 0;
        sound += reads(changed, FILE_BYTES, &problem);
    }
    expect("some damage goes unnoticed without checksums", sound > DAMAGES / 100, sound);
    expect("some is noticed even so", sound < DAMAGES * 9 / 10, sound);
}

/* ---- One thing that is wrong, at its place ---- */

/* A record instead of those of the second chunk: what is said of it, and that it begins there. */
static void expect_told(const char *words, void (*put)(struct writer *writer))
{
    struct problem problem;
    memcpy(changed, file, FILE_BYTES);
    struct writer writer = begin_stacks(changed, MORE_STACKS);
    put(&writer);
    bool done = reads_copy(changed, records_of(MORE_STACKS) + writer.chunk->used, &problem);
    expect(words, !done && problem.offset == records_of(MORE_STACKS), problem.offset);
    expect(words, strstr(problem.text, words) != NULL, problem.offset);
    if (strstr(problem.text, words) == NULL) {
        printf("said: %s\n", problem.text);
    }
}

static void put_too_deep(struct writer *writer)
{
    put_bytes(writer, "s", 1);
    put_number(writer, TRACE_DEPTH_MAX + 1);
}

static void put_unknown_object(struct writer *writer)
{
    put_bytes(writer, "s\1\3", 3);
    put_number(writer, 0x400000);
}

static void put_frames_that_are_missing(struct writer *writer)
{
    put_bytes(writer, "s\5\1\1", 4);
}

static void put_long_number(struct writer *writer)
{
    put_bytes(writer, "s\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 13);
}

static void put_nothing_known(struct writer *writer)
{
    put_bytes(writer, "x", 1);
}

static void put_object_numbers(struct writer *writer)
{
    put_bytes(writer, "o", 1);
    for (unsigned i = 0; i < TRACE_OBJECT_NUMBERS; i++) {
        put_number(writer, i);
    }
}

static void put_long_path(struct writer *writer)
{
    static const char path[TRACE_PATH_MAX + 1];
    put_object_numbers(writer);
    put_number(writer, 0);
    put_number(writer, sizeof(path));
    put_bytes(writer, path, sizeof(path));
}

static void put_path_beyond_the_end(struct writer *writer)
{
    put_object_numbers(writer);
    put_number(writer, 0);
    put_number(writer, UINT64_MAX);
}

static void put_build_id_beyond_the_end(struct writer *writer)
{
    put_object_numbers(writer);
    put_number(writer, 65);
}

static void put_path_that_is_cut(struct writer *writer)
{
    put_object_numbers(writer);
    put_number(writer, 0);
    put_number(writer, 4);
    put_bytes(writer, "/us", 3);
}

static void put_part_of_an_object(struct writer *writer)
{
    put_bytes(writer, "o\1", 2);
}

static void test_records(void)
{
    expect_told("a call stack of 129 addresses", put_too_deep);
    expect_told("there is no program or library number 3", put_unknown_object);
    expect_told("this call stack reaches beyond", put_frames_that_are_missing);
    expect_told("this call stack reaches beyond", put_long_number);
    expect_told("begins with byte 120", put_nothing_known);
    expect_told("an object with a path of 4097 bytes", put_long_path);
    expect_told("this object reaches beyond", put_path_beyond_the_end);
    expect_told("this object reaches beyond", put_build_id_beyond_the_end);
    expect_told("this object reaches beyond", put_path_that_is_cut);
    expect_told("this object reaches beyond", put_part_of_an_object);
}

/* The first block whose stack is missing is told, and a chunk between others. */
static void test_missing_chunks(void)
{
    struct problem problem;
    memcpy(changed, file, FILE_BYTES);
    chunk_at(changed, MORE_STACKS)->used = chunk_at(changed, MORE_STACKS)->sealed = 0;
    expect("a block's stack is missing",
           !reads(changed, FILE_BYTES, &problem) && problem.offset > records_of(LANE) &&
               problem.offset < start_of(STACKS) && strstr(problem.text, "number 21") != NULL,
           problem.offset);
    memcpy(changed, file, FILE_BYTES);
    chunk_at(changed, MORE_STACKS)->serial = 2;
    seal(changed, MORE_STACKS);
    expect("a chunk of stacks is missing",
           !reads(changed, FILE_BYTES, &problem) && problem.offset == start_of(MORE_STACKS) &&
               strstr(problem.text, "the one before is missing") != NULL,
           problem.offset);
    /* What a recorder leaves that was killed while it renewed a window. */
    memcpy(changed, file, FILE_BYTES);
    *chunk_at(changed, MORE_STACKS) = *chunk_at(changed, STACKS);
    chunk_at(changed, MORE_STACKS)->used = chunk_at(changed, MORE_STACKS)->sealed = 0;
    expect("an emptied copy is left out",
           !reads(changed, FILE_BYTES, &problem) && strstr(problem.text, "number 21") != NULL,
           problem.offset);
}

/* In other versions a chunk of stacks is none. */
static void test_versions(void)
{
    struct problem problem;
    for (uint32_t version = TRACE_VERSION; version < TRACE_VERSION_STACKS; version++) {
        memcpy(changed, file, FILE_BYTES);
        memcpy(changed + offsetof(struct trace_header, version), &version, sizeof(version));
        expect("no chunk begins there",
               !reads(changed, FILE_BYTES, &problem) && problem.offset == start_of(STACKS),
               problem.offset);
    }
}

int main(void)
{
    make_trace();
    test_whole();
    test_truncation();
    test_record_boundaries();
    test_checksum();
    test_damage();
    test_records();
    test_missing_chunks();
    test_versions();
    puts(failures == 0 ? "passed" : "failed");
    return failures != 0;
}
