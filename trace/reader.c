/* SPDX-License-Identifier: MIT
 * See reader.h. */
#include "reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests above are refused by every allocator. */
#define SIZE_LIMIT ((uint64_t)1 << 47)

#define ALIGNMENT_BITS_MAX 47

/* Threads of one trace; the replayer keeps a table of them. */
#define THREAD_LIMIT ((uint64_t)1 << 24)

/* Of chunks of stacks, which belong to none. */
#define STACK_LANE UINT32_MAX

/* Bytes of the shortest record that names a thread. */
#define THREAD_RECORD_MIN 3

/* ---- The file as a whole ---- */

/* The recorder writes the magic number last, when the rest of the header stands. */
static bool is_unfinished(const struct trace *trace)
{
    static const char zeros[sizeof(trace->header.magic)];
    return trace->length == 0 ||
           (trace->length >= sizeof(zeros) && memcmp(trace->bytes, zeros, sizeof(zeros)) == 0);
}

/* What the header says of calls that are not there. */
static bool check_parts(struct trace *trace, struct problem *problem)
{
    const struct trace_header *header = &trace->header;
    bool is_partial = header->version >= TRACE_VERSION_PARTIAL;
    trace->sample = is_partial && header->sample != 0 ? header->sample : 1;
    if (trace->sample > TRACE_SAMPLE_MAX) {
        return problem_tell(problem, offsetof(struct trace_header, sample),
                            "a sample of one address in %" PRIu32 "; the most is one in %" PRIu32,
                            trace->sample, TRACE_SAMPLE_MAX);
    }
    return true;
}

static bool check_header(struct trace *trace, struct problem *problem)
{
    struct trace_header *header = &trace->header;
    if (is_unfinished(trace)) {
        return problem_tell(problem, 0,
                            "this is no trace: if it was to be one, its process ended before "
                            "anything was recorded");
    }
    if (trace->length < sizeof(header->magic) ||
        memcmp(trace->bytes, TRACE_MAGIC, sizeof(header->magic)) != 0) {
        return problem_tell(problem, 0,
                            "this is no trace: it does not begin with \"" TRACE_MAGIC "\"");
    }
    if (trace->length < TRACE_HEADER_BYTES) {
        return problem_tell(problem, trace->length,
                            "the file ends inside the header, which has %d bytes",
                            TRACE_HEADER_BYTES);
    }
    memcpy(header, trace->bytes, sizeof(*header));
    header->command[sizeof(header->command) - 1] = '\0';
    if (header->version < TRACE_VERSION || header->version > TRACE_VERSION_STACKS) {
        return problem_tell(problem, offsetof(struct trace_header, version),
                            "version %" PRIu32
                            " of the format; this program reads versions %d to %d",
                            header->version, TRACE_VERSION, TRACE_VERSION_STACKS);
    }
    if (header->header_bytes != TRACE_HEADER_BYTES) {
        return problem_tell(problem, offsetof(struct trace_header, header_bytes),
                            "a header of %" PRIu32 " bytes, not %d", header->header_bytes,
                            TRACE_HEADER_BYTES);
    }
    if (header->chunk_bytes != TRACE_CHUNK_BYTES) {
        return problem_tell(problem, offsetof(struct trace_header, chunk_bytes),
                            "chunks of %" PRIu32 " bytes, not %d", header->chunk_bytes,
                            TRACE_CHUNK_BYTES);
    }
    /* The last chunk may be cut behind its last record. */
    uint64_t room = trace->length - TRACE_HEADER_BYTES;
    if (header->chunk_count > (room + TRACE_CHUNK_BYTES - 1) / TRACE_CHUNK_BYTES) {
        return problem_tell(problem, trace->length,
                            "the file ends here, but its header promises %" PRIu64
                            " chunks of %d bytes",
                            header->chunk_count, TRACE_CHUNK_BYTES);
    }
    return check_parts(trace, problem);
}

static bool check_seal(const struct trace *trace, uint64_t offset, const struct trace_chunk *chunk,
                       struct problem *problem)
{
    if (chunk->sealed > chunk->used) {
        return problem_tell(problem, offset + offsetof(struct trace_chunk, sealed),
                            "%" PRIu32 " bytes under a checksum, but only %" PRIu32
                            " bytes of records",
                            chunk->sealed, chunk->used);
    }
    if (chunk->sealed != 0 && trace_checksum(chunk, trace->bytes + offset + sizeof(*chunk),
                                             chunk->sealed) != chunk->checksum) {
        return problem_tell(problem, offset,
                            "the checksum of this chunk's %" PRIu32 " bytes is wrong",
                            chunk->sealed);
    }
    return true;
}

static bool has_limit(const struct trace *trace)
{
    return trace->header.version >= TRACE_VERSION_PARTIAL && trace->header.limit != 0;
}

bool trace_has_stacks(const struct trace *trace)
{
    return trace->header.version == TRACE_VERSION_STACKS;
}

static bool check_chunk(struct trace *trace, size_t index, struct problem *problem)
{
    uint64_t offset = TRACE_HEADER_BYTES + (uint64_t)index * TRACE_CHUNK_BYTES;
    struct trace_chunk chunk;
    if (trace->length - offset < sizeof(chunk)) {
        return problem_tell(problem, trace->length, "the file ends inside the head of a chunk");
    }
    memcpy(&chunk, trace->bytes + offset, sizeof(chunk));
    if (chunk.magic == TRACE_CHUNK_VOID && has_limit(trace)) {
        return true;
    }
    bool has_stacks = chunk.magic == TRACE_CHUNK_STACKS && trace_has_stacks(trace);
    if (chunk.magic != TRACE_CHUNK_MAGIC && !has_stacks) {
        return problem_tell(problem, offset, "no chunk begins here");
    }
    if (chunk.used > TRACE_CHUNK_ROOM) {
        return problem_tell(problem, offset + offsetof(struct trace_chunk, used),
                            "%" PRIu32 " bytes of records in a chunk, which has room for %zu",
                            chunk.used, TRACE_CHUNK_ROOM);
    }
    if (trace->length - offset - sizeof(chunk) < chunk.used) {
        return problem_tell(problem, trace->length, "the file ends inside a chunk's records");
    }
    if (chunk.lane >= trace->header.chunk_count) {
        return problem_tell(problem, offset + offsetof(struct trace_chunk, lane),
                            "lane %" PRIu32 " in a trace of %" PRIu64 " chunks", chunk.lane,
                            trace->header.chunk_count);
    }
    uint32_t lane = has_stacks ? STACK_LANE : chunk.lane;
    trace->chunks[trace->chunk_count++] =
        (struct chunk_place){offset, lane, chunk.serial, chunk.used};
    return check_seal(trace, offset, &chunk, problem);
}

/* By lane, then serial number; of two with the same the longer one first. */
static int compare_places(const void *left, const void *right)
{
    const struct chunk_place *a = left;
    const struct chunk_place *b = right;
    if (a->lane != b->lane) {
        return a->lane < b->lane ? -1 : 1;
    }
    if (a->serial != b->serial) {
        return a->serial < b->serial ? -1 : 1;
    }
    return a->used > b->used ? -1 : a->used < b->used;
}

/* A recorder that was killed while it renewed a window leaves two chunks of one serial number; the
 * one that has been emptied or is a copy goes. */
static void drop_copies(struct trace *trace)
{
    size_t kept = 0;
    for (size_t i = 0; i < trace->chunk_count; i++) {
        const struct chunk_place *place = &trace->chunks[i];
        if (kept == 0 || place->lane != trace->chunks[kept - 1].lane ||
            place->serial != trace->chunks[kept - 1].serial) {
            trace->chunks[kept++] = *place;
        }
    }
    trace->chunk_count = kept;
}

/* Begins a lane with this chunk, which is not its first where older ones went. */
static void begin_lane(struct trace *trace, size_t chunk_index)
{
    const struct chunk_place *place = &trace->chunks[chunk_index];
    struct lane_reader *lane = &trace->lanes[trace->lane_count++];
    lane->chunk = chunk_index;
    if (place->serial != 0) {
        struct trace_chunk chunk;
        memcpy(&chunk, trace->bytes + place->offset, sizeof(chunk));
        lane->thread = chunk.thread;
        trace->missing_chunks += chunk.serial;
        if (chunk.start_ticks > trace->begin_ticks) {
            trace->begin_ticks = chunk.start_ticks;
        }
    }
}

/* They stay when a limit lets older chunks go. */
static bool read_stacks(struct trace *trace, size_t first_chunk, struct problem *problem)
{
    for (size_t i = first_chunk; i < trace->chunk_count; i++) {
        const struct chunk_place *place = &trace->chunks[i];
        uint64_t from = place->offset + sizeof(struct trace_chunk);
        if (place->serial != i - first_chunk) {
            return problem_tell(problem, place->offset,
                                "call stacks go on with chunk %" PRIu32
                                ": the one before is missing",
                                place->serial);
        }
        if (!stack_list_add(&trace->stacks, trace->bytes, from, from + place->used, problem)) {
            return false;
        }
    }
    return true;
}

static bool find_lanes(struct trace *trace, struct problem *problem)
{
    size_t count = trace->chunk_count;
    while (count > 0 && trace->chunks[count - 1].lane == STACK_LANE) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        const struct chunk_place *place = &trace->chunks[i];
        trace->bytes_of_records += place->used;
        bool is_new = i == 0 || place->lane != place[-1].lane;
        uint32_t first = has_limit(trace) ? place->serial : 0;
        if (place->serial != (is_new ? first : place[-1].serial + 1)) {
            return problem_tell(problem, place->offset,
                                "lane %" PRIu32 " goes on with chunk %" PRIu32
                                ": the one before is missing",
                                place->lane, place->serial);
        }
        if (is_new) {
            begin_lane(trace, i);
        }
        trace->lanes[trace->lane_count - 1].chunk_end = i + 1;
    }
    uint64_t threads =
        (trace->bytes_of_records + trace->missing_chunks * TRACE_CHUNK_ROOM) / THREAD_RECORD_MIN;
    trace->thread_max = (uint32_t)(threads < THREAD_LIMIT ? threads : THREAD_LIMIT);
    return read_stacks(trace, count, problem);
}

bool trace_open(struct trace *trace, const unsigned char *bytes, uint64_t length,
                struct problem *problem)
{
    *trace = (struct trace){.bytes = bytes, .length = length};
    if (!check_header(trace, problem)) {
        return false;
    }
    size_t count = (size_t)trace->header.chunk_count;
    trace->chunks = calloc(count + 1, sizeof(*trace->chunks));
    trace->lanes = calloc(count + 1, sizeof(*trace->lanes));
    if (trace->chunks == NULL || trace->lanes == NULL) {
        return problem_tell(problem, 0, "not enough memory for %zu chunks", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!check_chunk(trace, i, problem)) {
            return false;
        }
    }
    qsort(trace->chunks, trace->chunk_count, sizeof(*trace->chunks), compare_places);
    drop_copies(trace);
    return find_lanes(trace, problem);
}

void trace_close(struct trace *trace)
{
    free(trace->chunks);
    free(trace->lanes);
    stack_list_free(&trace->stacks);
}

/* ---- Records ---- */

/* Opens the lane's next chunk that has records; false at the lane's end. */
static enum reading open_chunk(const struct trace *trace, struct lane_reader *lane,
                               struct problem *problem)
{
    while (lane->at == lane->end) {
        if (lane->chunk == lane->chunk_end) {
            return READING_END;
        }
        const struct chunk_place *place = &trace->chunks[lane->chunk++];
        struct trace_chunk chunk;
        memcpy(&chunk, trace->bytes + place->offset, sizeof(chunk));
        if (chunk.thread > trace->thread_max) {
            problem_tell(problem, place->offset + offsetof(struct trace_chunk, thread),
                         "there cannot be a thread number %" PRIu32, chunk.thread);
            return READING_PROBLEM;
        }
        if (chunk.thread != lane->thread) {
            problem_tell(problem, place->offset + offsetof(struct trace_chunk, thread),
                         "thread %" PRIu32 " goes on where thread %" PRIu32 " was", chunk.thread,
                         lane->thread);
            return READING_PROBLEM;
        }
        /* Time does not go back where the lane's next thread runs on a clock that is a little late.
         */
        lane->ticks = lane->ticks > chunk.start_ticks ? lane->ticks : chunk.start_ticks;
        lane->rotated_address = 0;
        lane->stack = 0;
        lane->at = place->offset + sizeof(chunk);
        lane->end = lane->at + place->used;
    }
    return READING_RECORD;
}

/* The part of a record that is still to be read. A step past its end is remembered, and past the
 * end of time. */
struct span {
    const unsigned char *at;
    const unsigned char *end;
    bool is_sound;
    bool is_in_time;
};

static uint64_t take(struct span *span, unsigned bytes)
{
    uint64_t value = 0;
    if (bytes > sizeof(value) || (size_t)(span->end - span->at) < bytes) {
        span->is_sound = false;
        return 0;
    }
    memcpy(&value, span->at, bytes);
    span->at += bytes;
    return value;
}

/* Ticks since the lane's last time. */
static void take_ticks(struct span *span, struct lane_reader *lane, unsigned bytes)
{
    if (__builtin_add_overflow(lane->ticks, take(span, bytes), &lane->ticks)) {
        span->is_in_time = false;
    }
}

static void take_fields(struct span *span, struct lane_reader *lane, struct record *record)
{
    unsigned tag = (unsigned)take(span, 2);
    record->operation = tag & 15;
    bool has_second = trace_has_alignment(record->operation) || record->operation == TRACE_REALLOC;
    unsigned second = has_second ? (unsigned)take(span, 1) : 0;
    take_ticks(span, lane, tag >> 4 & 15);
    record->ticks = lane->ticks;
    lane->rotated_address += trace_unzigzag(take(span, tag >> 8 & 15));
    record->address = trace_unrotate_address(lane->rotated_address);
    record->size = take(span, tag >> 12 & 15);
    record->old_address = 0;
    record->alignment_bits = 0;
    if (record->operation == TRACE_REALLOC) {
        uint64_t difference = trace_unzigzag(take(span, second & 15));
        record->old_address = trace_unrotate_address(lane->rotated_address + difference);
        take_ticks(span, lane, second >> 4);
    } else {
        record->alignment_bits = second;
    }
    record->end_ticks = lane->ticks;
}

static bool check_record(const struct trace *trace, struct lane_reader *lane,
                         const struct record *record, struct problem *problem)
{
    uint64_t offset = record->offset;
    if (record->operation == TRACE_NONE || record->operation >= TRACE_OPERATION_COUNT) {
        return problem_tell(problem, offset, "there is no operation %u", record->operation);
    }
    if (record->operation == TRACE_THREAD) {
        if (record->size == 0 || record->size > trace->thread_max) {
            return problem_tell(problem, offset, "there cannot be a thread number %" PRIu64,
                                record->size);
        }
        lane->thread = (uint32_t)record->size;
        return true;
    }
    if (record->operation == TRACE_STACK) {
        if (record->size > trace->stacks.stack_count) {
            return problem_tell(problem, offset, "there is no call stack number %" PRIu64,
                                record->size);
        }
        lane->stack = (uint32_t)record->size;
        return true;
    }
    if (lane->thread == 0) {
        return problem_tell(problem, offset, "a record before any thread was named");
    }
    if (record->address != 0 && record->size > SIZE_LIMIT) {
        return problem_tell(problem, offset, "a block of %" PRIu64 " bytes", record->size);
    }
    if (record->address != 0 && record->alignment_bits > ALIGNMENT_BITS_MAX) {
        return problem_tell(problem, offset, "an alignment of 2^%u", record->alignment_bits);
    }
    return true;
}

/* Counts the record; whether it names a thread or a stack or is from before the trace's beginning.
 */
static bool is_passed_over(const struct trace *trace, struct lane_reader *lane,
                           const struct record *record)
{
    if (record->operation == TRACE_THREAD || record->operation == TRACE_STACK) {
        return true;
    }
    bool is_early = record->ticks < trace->begin_ticks;
    lane->records++;
    lane->left_out += is_early;
    return is_early;
}

enum reading trace_next(const struct trace *trace, size_t lane_index, struct record *record,
                        struct problem *problem)
{
    struct lane_reader *lane = &trace->lanes[lane_index];
    do {
        enum reading reading = open_chunk(trace, lane, problem);
        if (reading != READING_RECORD) {
            return reading;
        }
        struct span span = {trace->bytes + lane->at, trace->bytes + lane->end, true, true};
        record->offset = lane->at;
        take_fields(&span, lane, record);
        if (!span.is_sound) {
            problem_tell(problem, record->offset,
                         "this record reaches beyond its chunk's last byte");
            return READING_PROBLEM;
        }
        if (!span.is_in_time) {
            problem_tell(problem, record->offset, "this record's time is too late to be counted");
            return READING_PROBLEM;
        }
        lane->at = (uint64_t)(span.at - trace->bytes);
        if (!check_record(trace, lane, record, problem)) {
            return READING_PROBLEM;
        }
        record->thread = lane->thread;
        record->stack = lane->stack;
    } while (is_passed_over(trace, lane, record));
    return READING_RECORD;
}

uint64_t trace_missing_events(const struct trace *trace)
{
    uint64_t records = 0;
    uint64_t left_out = 0;
    for (size_t i = 0; i < trace->lane_count; i++) {
        records += trace->lanes[i].records;
        left_out += trace->lanes[i].left_out;
    }
    double bytes = (double)trace->missing_chunks * TRACE_CHUNK_ROOM;
    double per_byte = records == 0 ? 0 : (double)records / (double)trace->bytes_of_records;
    return left_out + (uint64_t)(bytes * per_byte);
}

uint64_t trace_nanoseconds(const struct trace *trace, uint64_t ticks)
{
    const struct trace_header *header = &trace->header;
    if (ticks <= header->start_ticks || header->measured_ticks == 0) {
        return 0;
    }
    double scale = (double)header->measured_nanoseconds / (double)header->measured_ticks;
    double nanoseconds = (double)(ticks - header->start_ticks) * scale;
    return nanoseconds < 1e18 ? (uint64_t)nanoseconds : (uint64_t)1000000000000000000;
}
