/* SPDX-License-Identifier: MIT
 *
 * Traces that are cut off at each byte or changed at random: the reader says what is wrong and
 * where, or makes a plan; it never steps outside. To be run under sanitizers, too. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "input.h"
#include "lane.h"
#include "plan.h"

#define CHUNKS 4
#define FILE_BYTES (TRACE_HEADER_BYTES + CHUNKS * TRACE_CHUNK_BYTES)
#define RECORDS 40
#define DAMAGES 60000
#define PLANS 300

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

/* ---- A trace of two threads on two lanes, one of which has three chunks ---- */

static struct trace_chunk *chunk_at(unsigned char *bytes, size_t index)
{
    return (void *)(bytes + TRACE_HEADER_BYTES + index * TRACE_CHUNK_BYTES);
}

static struct lane begin_chunk(size_t index, uint32_t lane, uint32_t serial, uint32_t thread)
{
    struct trace_chunk *chunk = chunk_at(file, index);
    *chunk = (struct trace_chunk){.magic = TRACE_CHUNK_MAGIC,
                                  .lane = lane,
                                  .serial = serial,
                                  .thread = thread,
                                  .start_ticks = 1000 + 10000 * serial};
    struct lane writer = {.window = chunk, .ticks = chunk->start_ticks};
    writer.cursor = lane_records(&writer);
    return writer;
}

static void seal(size_t index)
{
    struct trace_chunk *chunk = chunk_at(file, index);
    chunk->sealed = chunk->used;
    chunk->checksum = trace_checksum(chunk, (unsigned char *)(chunk + 1), chunk->sealed);
}

/* Blocks are handed from record to record, so that every operation has one to work on. */
static void fill(struct lane *lane, uint64_t base)
{
    uint64_t address = base;
    for (unsigned i = 0; i < RECORDS; i++) {
        unsigned operation = TRACE_MALLOC + i % (TRACE_PVALLOC - TRACE_MALLOC + 1);
        bool frees = operation >= TRACE_FREE && operation <= TRACE_FREE_ALIGNED_SIZED;
        uint64_t old = address;
        if (!frees) {
            address = base + random_below(1000) * 16;
        }
        lane_write(lane, (struct call){.operation = operation,
                                       .ticks = lane->ticks + random_below(600),
                                       .address = address,
                                       .size = random_below(3000),
                                       .alignment_bits = 6,
                                       .old_address = old,
                                       .duration = 5});
        lane->ticks += operation == TRACE_REALLOC ? 5 : 0;
    }
}

static void name_thread(struct lane *lane, uint32_t number)
{
    lane_write(lane, (struct call){.operation = TRACE_THREAD, .size = number});
}

static void make_trace(void)
{
    struct trace_header header = {.magic = TRACE_MAGIC,
                                  .version = TRACE_VERSION,
                                  .header_bytes = TRACE_HEADER_BYTES,
                                  .chunk_bytes = TRACE_CHUNK_BYTES,
                                  .chunk_count = CHUNKS,
                                  .start_ticks = 1000,
                                  .measured_ticks = 10,
                                  .measured_nanoseconds = 20,
                                  .command = "made"};
    memcpy(file, &header, sizeof(header));
    struct lane lane = begin_chunk(0, 0, 0, 0);
    name_thread(&lane, 1);
    fill(&lane, 0x10000);
    lane = begin_chunk(1, 1, 0, 0);
    name_thread(&lane, 2);
    fill(&lane, 0x10000);
    lane = begin_chunk(2, 0, 1, 1);
    fill(&lane, 0x20000);
    lane = begin_chunk(3, 0, 2, 1);
    fill(&lane, 0x7f0000000000);
    for (size_t i = 0; i < CHUNKS; i++) {
        seal(i);
    }
}

/* ---- Reading it ---- */

/* Whether every record could be read; otherwise the problem is inside the file and has words. */
static bool reads(const unsigned char *bytes, uint64_t length, uint64_t *count)
{
    struct trace trace;
    struct problem problem = {UINT64_MAX, ""};
    enum reading reading = READING_PROBLEM;
    *count = 0;
    if (trace_open(&trace, bytes, length, &problem)) {
        struct events events;
        if (events_begin(&events, &trace, &problem)) {
            struct event event;
            uint64_t then = 0;
            while ((reading = events_next(&events, &event, &problem)) == READING_RECORD) {
                ++*count;
                expect("time does not go back", event.nanoseconds >= then, event.offset);
                then = event.nanoseconds;
            }
        }
        events_end(&events);
    }
    trace_close(&trace);
    if (reading == READING_PROBLEM) {
        expect("the offset lies in the file", problem.offset <= length, problem.offset);
        expect("the problem has words", problem.text[0] != '\0', problem.offset);
    }
    return reading == READING_END;
}

static bool plans(const unsigned char *bytes, uint64_t length)
{
    struct trace trace;
    struct problem problem = {0, ""};
    struct plan_settings settings = {.samples = 100, .memory_max = (uint64_t)1 << 32};
    int descriptor = input_temporary_file();
    bool done = trace_open(&trace, bytes, length, &problem) &&
                plan_write(&trace, &settings, descriptor, &problem);
    expect("a failure has words", done || problem.text[0] != '\0', problem.offset);
    trace_close(&trace);
    close(descriptor);
    return done;
}

/* Exactly so long as asked, so that a sanitizer notices a step beyond its end. */
static bool reads_copy(const unsigned char *bytes, uint64_t length, uint64_t *count)
{
    unsigned char *copy = malloc(length + (length == 0));
    memcpy(copy, bytes, length);
    bool done = reads(copy, length, count);
    free(copy);
    return done;
}

static uint64_t end_of_records(void)
{
    return FILE_BYTES - TRACE_CHUNK_ROOM + chunk_at(file, CHUNKS - 1)->used;
}

static void test_whole(void)
{
    uint64_t count;
    expect("the whole trace is read", reads(file, FILE_BYTES, &count), FILE_BYTES);
    expect("all records are there", count == CHUNKS * RECORDS, count);
    expect("the whole trace is planned", plans(file, FILE_BYTES), 0);
}

static void test_truncation(void)
{
    uint64_t count;
    for (uint64_t length = 0; length < FILE_BYTES; length++) {
        bool near_end = length >= end_of_records() - 1000 && length < end_of_records() + 100;
        bool done = near_end || length < TRACE_HEADER_BYTES + 500 ? reads_copy(file, length, &count)
                                                                  : reads(file, length, &count);
        expect("a trace is sound when its records are", done == (length >= end_of_records()),
               length);
    }
}

/* A chunk that has fewer records than were written is sound only between two of them. */
static void test_record_boundaries(void)
{
    struct trace_chunk *last = chunk_at(changed, CHUNKS - 1);
    memcpy(changed, file, FILE_BYTES);
    last->sealed = 0;
    uint64_t sound = 0;
    for (uint32_t used = chunk_at(file, CHUNKS - 1)->used; used > 0; used--) {
        uint64_t count;
        last->used = used;
        sound += reads_copy(changed, FILE_BYTES - TRACE_CHUNK_ROOM + used, &count);
    }
    expect("so many boundaries as records", sound == RECORDS, sound);
}

/* The last record's time, counted from the one before, is past what 64 bits hold. */
static void test_time(void)
{
    uint64_t count;
    struct trace_chunk *last = chunk_at(file, CHUNKS - 1);
    struct trace_chunk before = *last;
    struct lane lane = {.window = last, .ticks = last->start_ticks};
    lane.cursor = lane_records(&lane) + last->used;
    lane.ticks = 0;
    lane_write(&lane,
               (struct call){
                   .operation = TRACE_MALLOC, .ticks = UINT64_MAX, .address = 0x10000, .size = 1});
    seal(CHUNKS - 1);
    expect("a time too late is told", !reads(file, FILE_BYTES, &count), count);
    /* The reader is one ahead. */
    expect("the records before are there", count == CHUNKS * RECORDS - 1, count);
    *last = before;
    last->start_ticks = 1;
    seal(CHUNKS - 1);
    expect("a chunk that begins too early goes on", reads(file, FILE_BYTES, &count), count);
    *last = before;
    expect("the trace is as it was", reads(file, FILE_BYTES, &count), count);
}

/* Where something stands. */
static uint64_t random_place(void)
{
    size_t chunk = (size_t)random_below(CHUNKS + 1);
    if (chunk == CHUNKS) {
        return random_below(128);
    }
    return TRACE_HEADER_BYTES + chunk * TRACE_CHUNK_BYTES +
           random_below(sizeof(struct trace_chunk) + chunk_at(file, chunk)->used);
}

static void damage(bool with_seals)
{
    memcpy(changed, file, FILE_BYTES);
    for (size_t i = 0; i < CHUNKS && !with_seals; i++) {
        chunk_at(changed, i)->sealed = 0;
    }
    for (uint64_t turns = 1 + random_below(3); turns > 0; turns--) {
        changed[random_place()] ^= (unsigned char)(1 + random_below(255));
    }
}

static void test_damage(void)
{
    uint64_t count;
    uint64_t sound = 0;
    for (int i = 0; i < DAMAGES; i++) {
        damage(false);
        sound += reads(changed, FILE_BYTES, &count);
    }
    expect("some damage goes unnoticed without checksums", sound > DAMAGES / 100, sound);
    expect("some is noticed even so", sound < DAMAGES * 9 / 10, sound);
    for (int i = 0; i < PLANS; i++) {
        damage(false);
        plans(changed, FILE_BYTES);
    }
}

/* One changed byte in the records of a sealed chunk is always noticed, and where. */
static void test_checksum(void)
{
    memcpy(changed, file, FILE_BYTES);
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        uint64_t start = TRACE_HEADER_BYTES + chunk * TRACE_CHUNK_BYTES;
        for (uint32_t i = 0; i < chunk_at(file, chunk)->used; i++) {
            uint64_t count;
            uint64_t place = start + sizeof(struct trace_chunk) + i;
            changed[place] ^= 0x10;
            expect("a changed byte is noticed", !reads(changed, FILE_BYTES, &count), place);
            changed[place] ^= 0x10;
        }
    }
}

/* What a recorder leaves that was killed while it renewed a window. */
static void test_copies(void)
{
    uint64_t count;
    memcpy(changed, file, FILE_BYTES);
    *chunk_at(changed, 3) = *chunk_at(changed, 2);
    chunk_at(changed, 3)->used = 0;
    chunk_at(changed, 3)->sealed = 0;
    expect("an emptied copy is left out", reads(changed, FILE_BYTES, &count), 3);
    expect("the other three chunks count", count == 3 * RECORDS, count);
    memcpy(changed, file, FILE_BYTES);
    chunk_at(changed, 3)->serial = 5;
    chunk_at(changed, 3)->sealed = 0;
    expect("a missing chunk is noticed", !reads(changed, FILE_BYTES, &count), 5);
}

/* A sample is of version 2 or, with call stacks, 3, and of one address in a number that can be. */
static void test_sample(void)
{
    const struct {
        uint32_t version;
        uint32_t sample;
        uint32_t read; /* 0: refused */
    } cases[] = {{1, 64, 1},
                 {2, 0, 1},
                 {2, 1, 1},
                 {2, 64, 64},
                 {2, TRACE_SAMPLE_MAX, 1u << 20},
                 {2, TRACE_SAMPLE_MAX + 1, 0},
                 {2, UINT32_MAX, 0},
                 {3, 64, 64},
                 {3, TRACE_SAMPLE_MAX + 1, 0},
                 {4, 64, 0},
                 {0, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trace trace;
        struct problem problem = {UINT64_MAX, ""};
        memcpy(changed, file, FILE_BYTES);
        memcpy(changed + offsetof(struct trace_header, version), &cases[i].version, 4);
        memcpy(changed + offsetof(struct trace_header, sample), &cases[i].sample, 4);
        bool done = trace_open(&trace, changed, FILE_BYTES, &problem);
        expect("the sample is known, or refused", (done ? trace.sample : 0) == cases[i].read, i);
        bool is_version_known = cases[i].version != 0 && cases[i].version != 4;
        uint64_t wrong = is_version_known ? offsetof(struct trace_header, sample)
                                          : offsetof(struct trace_header, version);
        expect("what is wrong has its offset", done || problem.offset == wrong, problem.offset);
        trace_close(&trace);
    }
}

/* ---- Files with a limit ---- */

/* As if the first chunk of lane 0 had gone: the file then has chunks 1 (lane 1), 2 and 3 (lane 0).
 */
static void make_limited(void)
{
    struct trace_header header;
    memcpy(changed, file, FILE_BYTES);
    memcpy(&header, changed, sizeof(header));
    header.version = TRACE_VERSION_PARTIAL;
    header.limit = FILE_BYTES;
    memcpy(changed, &header, sizeof(header));
    *chunk_at(changed, 0) = (struct trace_chunk){.magic = TRACE_CHUNK_VOID};
}

/* Records of lane 1 are from before the first that is left of lane 0. */
static void test_limit(void)
{
    uint64_t count = 0;
    make_limited();
    expect("a limited trace is read", reads_copy(changed, FILE_BYTES, &count), count);
    uint64_t begin = chunk_at(changed, 2)->start_ticks;
    expect("only what is complete", count >= 2 * RECORDS && count < 3 * RECORDS, count);
    struct trace trace;
    struct problem problem;
    expect("it is opened", trace_open(&trace, changed, FILE_BYTES, &problem), 0);
    expect("it begins with what is left", trace.begin_ticks == begin, trace.begin_ticks);
    expect("one chunk is missing", trace.missing_chunks == 1, trace.missing_chunks);
    trace_close(&trace);
    expect("it is planned", plans(changed, FILE_BYTES), 0);
}

static bool is_refused_at(uint64_t offset)
{
    struct trace trace;
    struct problem problem = {UINT64_MAX, ""};
    bool done = trace_open(&trace, changed, FILE_BYTES, &problem);
    struct events events;
    if (done) {
        done = events_begin(&events, &trace, &problem);
        events_end(&events);
    }
    trace_close(&trace);
    return !done && problem.offset == offset;
}

static void test_limit_damage(void)
{
    const uint64_t chunk[] = {TRACE_HEADER_BYTES, 0, TRACE_HEADER_BYTES + 2 * TRACE_CHUNK_BYTES,
                              TRACE_HEADER_BYTES + 3 * TRACE_CHUNK_BYTES};
    make_limited();
    ((struct trace_header *)(void *)changed)->limit = 0;
    expect("without a limit no chunk is void", is_refused_at(chunk[0]), 0);
    make_limited();
    ((struct trace_header *)(void *)changed)->version = TRACE_VERSION;
    expect("nor in version 1", is_refused_at(chunk[0]), 0);
    make_limited();
    *chunk_at(changed, 2) = *chunk_at(changed, 0);
    *chunk_at(changed, 0) = *chunk_at(file, 0);
    memcpy(chunk_at(changed, 0) + 1, chunk_at(file, 0) + 1, TRACE_CHUNK_ROOM);
    expect("only the oldest go", is_refused_at(chunk[3]), 0);
    make_limited();
    chunk_at(changed, 2)->sealed = 0;
    chunk_at(changed, 2)->thread = 0xffffff;
    expect("a thread that cannot be is told",
           is_refused_at(chunk[2] + offsetof(struct trace_chunk, thread)), 0);
    uint64_t count;
    make_limited();
    for (uint64_t i = 0; i < DAMAGES / 4; i++) {
        uint64_t place = random_place();
        unsigned char before = changed[place];
        changed[place] ^= (unsigned char)(1 + random_below(255));
        reads(changed, FILE_BYTES, &count);
        changed[place] = before;
    }
}

int main(void)
{
    make_trace();
    test_whole();
    test_truncation();
    test_record_boundaries();
    test_time();
    test_damage();
    test_checksum();
    test_copies();
    test_sample();
    test_limit();
    test_limit_damage();
    puts(failures == 0 ? "passed" : "failed");
    return failures != 0;
}
