/* SPDX-License-Identifier: MIT
 * See plan.h. */
#include "plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "events.h"

#define SEGMENTS_AT_FIRST 64

/* A peak is sampled when it is higher than the last sampled one by this part of it. */
#define PEAK_STEP 64

/* Bytes of a program's live memory that are never refused. */
#define MEMORY_ALWAYS ((uint64_t)64 << 20)

/* A free slot, and from which epoch on no thread can still be at its last block. */
struct free_slot {
    uint32_t slot;
    uint64_t from_epoch;
};

/* Where the next step of a thread goes. */
struct stream {
    uint32_t number; /* of the recorded thread; 0: unknown yet */
    uint32_t first_segment;
    uint32_t segment;
    uint32_t step;
    uint64_t epoch;
    uint64_t epoch_events; /* that it has in its epoch */
};

struct builder {
    const struct plan_settings *settings;
    struct problem *problem;
    int descriptor;
    struct plan_header header;
    unsigned char *file; /* mapped */
    uint64_t segment_capacity;
    struct stream *streams;
    size_t stream_capacity;
    uint32_t *stream_of_thread; /* index + 1 by the recorded number */
    size_t thread_max;
    size_t last_stream;           /* of the event before this one */
    struct free_slot *free_slots; /* a ring: taken at the front, put at the back */
    size_t ring_capacity;
    size_t ring_front;
    size_t ring_count;
    struct plan_sample *samples;
    size_t sample_capacity;
    uint64_t sample_distance;
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t sampled_peak;
    uint64_t nanoseconds;
};

/* ---- Failures ---- */

static bool failed(struct builder *builder, const char *what)
{
    builder->problem->offset = PLAN_NO_OFFSET;
    snprintf(builder->problem->text, sizeof(builder->problem->text), "%s: %s", what,
             strerror(errno));
    return false;
}

/* Makes room for one more element; arrays double. */
static bool reserve(struct builder *builder, void *array, size_t *capacity, size_t count,
                    size_t element)
{
    if (count < *capacity) {
        return true;
    }
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *old;
    memcpy(&old, array, sizeof(old));
    void *grown = realloc(old, wanted * element);
    if (grown == NULL) {
        return failed(builder, "memory for the plan");
    }
    memcpy(array, &grown, sizeof(grown));
    *capacity = wanted;
    return true;
}

/* ---- Segments and streams ---- */

static uint64_t bytes_of_segments(uint64_t segments)
{
    return (1 + segments) * PLAN_SEGMENT_BYTES;
}

static bool grow_file(struct builder *builder)
{
    uint64_t capacity =
        builder->segment_capacity == 0 ? SEGMENTS_AT_FIRST : builder->segment_capacity * 2;
    if (ftruncate(builder->descriptor, (off_t)bytes_of_segments(capacity)) != 0) {
        return failed(builder, "the temporary file for the plan");
    }
    void *file = builder->file == NULL
                     ? mmap(NULL, bytes_of_segments(capacity), PROT_READ | PROT_WRITE, MAP_SHARED,
                            builder->descriptor, 0)
                     : mremap(builder->file, bytes_of_segments(builder->segment_capacity),
                              bytes_of_segments(capacity), MREMAP_MAYMOVE);
    if (file == MAP_FAILED) {
        return failed(builder, "mapping the plan");
    }
    builder->file = file;
    builder->segment_capacity = capacity;
    return true;
}

static bool new_segment(struct builder *builder, uint32_t *segment)
{
    if (builder->header.segment_count == builder->segment_capacity && !grow_file(builder)) {
        return false;
    }
    *segment = (uint32_t)builder->header.segment_count++;
    return true;
}

static struct step *step_at(struct builder *builder, uint32_t segment, uint32_t step)
{
    unsigned char *start = builder->file + bytes_of_segments(segment);
    return (struct step *)(void *)start + step;
}

static bool add_step(struct builder *builder, size_t index, struct step step)
{
    struct stream *stream = &builder->streams[index];
    if (stream->step == PLAN_SEGMENT_STEPS - 1) {
        uint32_t next;
        if (!new_segment(builder, &next)) {
            return false;
        }
        *step_at(builder, stream->segment, stream->step) =
            (struct step){.kind = STEP_LINK, .slot = next};
        stream->segment = next;
        stream->step = 0;
    }
    *step_at(builder, stream->segment, stream->step++) = step;
    return true;
}

/* The first thread is the replay's main thread; each other one is started by the thread that had
 * the event before its first. */
static bool new_stream(struct builder *builder, uint32_t thread)
{
    size_t index = builder->header.thread_count;
    if (!reserve(builder, &builder->streams, &builder->stream_capacity, index,
                 sizeof(*builder->streams))) {
        return false;
    }
    struct stream *stream = &builder->streams[index];
    *stream = (struct stream){.number = thread};
    if (!new_segment(builder, &stream->segment)) {
        return false;
    }
    stream->first_segment = stream->segment;
    builder->stream_of_thread[thread] = (uint32_t)index + 1;
    builder->header.thread_count++;
    return index == 0 || add_step(builder, builder->last_stream,
                                  (struct step){.kind = STEP_THREAD, .slot = (uint32_t)index});
}

static struct step epoch_step(const struct stream *stream, uint32_t next)
{
    return (struct step){.kind = STEP_EPOCH,
                         .size = stream->epoch_events & STEP_SIZE_MAX,
                         .slot = next,
                         .old_slot = (uint32_t)stream->epoch};
}

/* Puts the steps in front of an event that keep threads together. */
static bool enter_epoch(struct builder *builder, size_t index)
{
    struct stream *stream = &builder->streams[index];
    uint64_t epoch = builder->header.event_count / builder->header.epoch_events;
    if (epoch != stream->epoch || (stream->epoch_events == 0 && index != 0)) {
        if (!add_step(builder, index, epoch_step(stream, (uint32_t)epoch))) {
            return false;
        }
        stream->epoch = epoch;
        stream->epoch_events = 0;
    }
    stream->epoch_events++;
    return true;
}

/* ---- Slots ---- */

/* While other threads may be an epoch behind or ahead, a slot rests before it is used again. */
static bool take_slot(struct builder *builder, uint32_t *slot)
{
    uint64_t epoch = builder->header.event_count / builder->header.epoch_events;
    if (builder->ring_count > 0) {
        const struct free_slot *front = &builder->free_slots[builder->ring_front];
        if (front->from_epoch <= epoch) {
            *slot = front->slot;
            builder->ring_front = (builder->ring_front + 1) % builder->ring_capacity;
            builder->ring_count--;
            return true;
        }
    }
    if (builder->header.slot_count == PLAN_NO_SLOT) {
        errno = EOVERFLOW;
        return failed(builder, "too many live blocks");
    }
    *slot = (uint32_t)builder->header.slot_count++;
    return true;
}

static bool put_slot(struct builder *builder, uint32_t slot)
{
    if (builder->ring_count == builder->ring_capacity) {
        size_t old = builder->ring_capacity;
        if (!reserve(builder, &builder->free_slots, &builder->ring_capacity, old,
                     sizeof(*builder->free_slots))) {
            return false;
        }
        /* What stood before the front follows the old end now. */
        memmove(builder->free_slots + old, builder->free_slots,
                builder->ring_front * sizeof(*builder->free_slots));
    }
    uint64_t epoch = builder->header.event_count / builder->header.epoch_events;
    size_t back = (builder->ring_front + builder->ring_count++) % builder->ring_capacity;
    builder->free_slots[back] = (struct free_slot){slot, epoch + builder->header.epochs_ahead};
    return true;
}

/* ---- Samples ---- */

static bool add_sample(struct builder *builder, bool is_peak)
{
    size_t count = (size_t)builder->header.sample_count;
    if (!reserve(builder, &builder->samples, &builder->sample_capacity, count,
                 sizeof(*builder->samples))) {
        return false;
    }
    builder->samples[count] = (struct plan_sample){
        .event = builder->header.event_count,
        .nanoseconds = builder->nanoseconds,
        .live_bytes = builder->live_bytes,
        .is_peak = is_peak,
    };
    builder->header.sample_count++;
    return add_step(builder, builder->last_stream,
                    (struct step){.kind = STEP_SAMPLE, .slot = (uint32_t)count});
}

/* In front of an event that lowers live memory: the end of a climb. */
static bool sample_peak(struct builder *builder)
{
    uint64_t live = builder->live_bytes;
    if (builder->settings->samples == 0 ||
        live <= builder->sampled_peak + builder->sampled_peak / PEAK_STEP) {
        return true;
    }
    builder->sampled_peak = live;
    return add_sample(builder, true);
}

static bool sample_regularly(struct builder *builder)
{
    return builder->header.event_count % builder->sample_distance != 0 ||
           add_sample(builder, false);
}

/* ---- Events ---- */

static enum step_kind kind_of(const struct event *event)
{
    switch (event->operation) {
    case TRACE_CALLOC:
        return STEP_CALLOC;
    case TRACE_REALLOC:
        return STEP_REALLOC;
    case TRACE_ALIGNED_ALLOC:
        return STEP_ALIGNED_ALLOC;
    case TRACE_MEMALIGN:
        return STEP_MEMALIGN;
    case TRACE_POSIX_MEMALIGN:
        return STEP_POSIX_MEMALIGN;
    case TRACE_VALLOC:
        return STEP_VALLOC;
    case TRACE_PVALLOC:
        return STEP_PVALLOC;
    case TRACE_FREE_SIZED:
        return STEP_FREE_SIZED;
    case TRACE_FREE_ALIGNED_SIZED:
        return STEP_FREE_ALIGNED_SIZED;
    case TRACE_FREE:
        return STEP_FREE;
    default:
        return STEP_MALLOC;
    }
}

static bool count_gain(struct builder *builder, const struct event *event)
{
    struct plan_header *header = &builder->header;
    builder->live_bytes += event->size;
    builder->live_blocks++;
    header->allocated_bytes += event->size;
    if (builder->live_blocks > header->peak_live_blocks) {
        header->peak_live_blocks = builder->live_blocks;
    }
    if (builder->live_bytes > header->peak_live_bytes) {
        header->peak_live_bytes = builder->live_bytes;
    }
    uint64_t most = builder->settings->memory_max;
    if (builder->settings->touch == TOUCH_ALL && builder->live_bytes > MEMORY_ALWAYS &&
        builder->live_bytes > most) {
        builder->problem->offset = event->offset;
        snprintf(builder->problem->text, sizeof(builder->problem->text),
                 "here %" PRIu64 " bytes are live, more than the %" PRIu64
                 " that this machine has free (--touch none replays without using them)",
                 builder->live_bytes, most);
        return false;
    }
    return true;
}

static bool add_loss(struct builder *builder, size_t stream, const struct block *block,
                     struct step step)
{
    if (!sample_peak(builder)) {
        return false;
    }
    builder->live_bytes -= block->size;
    builder->live_blocks--;
    step.slot = block->slot;
    return add_step(builder, stream, step) && put_slot(builder, block->slot);
}

static bool add_free(struct builder *builder, size_t stream, const struct event *event)
{
    if (event->freed.address == 0) {
        return true;
    }
    builder->header.frees++;
    struct step step = {.kind = kind_of(event), .alignment_bits = (uint8_t)event->alignment_bits};
    if (event->operation == TRACE_REALLOC) {
        step.kind = STEP_FREE;
    }
    return add_loss(builder, stream, &event->freed, step);
}

static bool add_gain(struct builder *builder, size_t stream, const struct event *event)
{
    struct step step = {
        .kind = kind_of(event),
        .alignment_bits = (uint8_t)event->alignment_bits,
        .size = event->size & STEP_SIZE_MAX,
        .old_slot = PLAN_NO_SLOT,
    };
    if (!take_slot(builder, &event->gained->slot)) {
        return false;
    }
    step.slot = event->gained->slot;
    builder->header.allocations++;
    if (event->freed.address != 0) { /* realloc */
        if (event->freed.size > event->size && !sample_peak(builder)) {
            return false;
        }
        builder->header.allocations--;
        builder->header.reallocations++;
        builder->live_bytes -= event->freed.size;
        builder->live_blocks--;
        step.old_slot = event->freed.slot;
        if (!put_slot(builder, event->freed.slot)) {
            return false;
        }
    }
    return count_gain(builder, event) && add_step(builder, stream, step);
}

static bool add_event(struct builder *builder, const struct event *event)
{
    if (builder->stream_of_thread[event->thread] == 0 && !new_stream(builder, event->thread)) {
        return false;
    }
    size_t stream = builder->stream_of_thread[event->thread] - 1;
    builder->last_stream = stream;
    builder->nanoseconds = event->nanoseconds;
    if (!enter_epoch(builder, stream)) {
        return false;
    }
    if (event->lost.address != 0 &&
        !add_loss(builder, stream, &event->lost, (struct step){.kind = STEP_FREE})) {
        return false;
    }
    bool done =
        event->gained != NULL ? add_gain(builder, stream, event) : add_free(builder, stream, event);
    builder->header.event_count++;
    return done && sample_regularly(builder);
}

/* ---- The whole ---- */

/* A record has three bytes or more nearly always, so this many events at most, and usually half. */
static uint64_t expected_events(const struct trace *trace)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < trace->chunk_count; i++) {
        bytes += trace->chunks[i].used;
    }
    return bytes / 4;
}

static void set_distance(struct builder *builder, const struct trace *trace)
{
    uint64_t samples = builder->settings->samples;
    builder->sample_distance = UINT64_MAX;
    if (samples != 0) {
        builder->sample_distance = expected_events(trace) / samples + 1;
    }
}

static bool begin(struct builder *builder, const struct trace *trace)
{
    builder->header.magic = PLAN_MAGIC;
    builder->header.touch = builder->settings->touch;
    builder->header.watches_heap = builder->settings->watches_heap;
    builder->header.addresses = builder->settings->addresses;
    builder->header.quiet_milliseconds = builder->settings->quiet_milliseconds;
    builder->header.epoch_events = builder->settings->is_exact ? 1 : PLAN_EPOCH_EVENTS;
    builder->header.epochs_ahead = builder->settings->is_exact ? 1 : 2;
    builder->thread_max = trace->thread_max;
    set_distance(builder, trace);
    builder->stream_of_thread = calloc(builder->thread_max + 1, sizeof(*builder->stream_of_thread));
    if (builder->stream_of_thread == NULL) {
        return failed(builder, "memory for the plan");
    }
    return grow_file(builder);
}

static bool write_all(struct builder *builder, const void *bytes, size_t length, uint64_t offset)
{
    const unsigned char *from = bytes;
    while (length > 0) {
        ssize_t written = pwrite(builder->descriptor, from, length, (off_t)offset);
        if (written <= 0) {
            return failed(builder, "the temporary file for the plan");
        }
        from += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return true;
}

static bool end_streams(struct builder *builder)
{
    for (size_t i = 0; i < builder->header.thread_count; i++) {
        struct step done = epoch_step(&builder->streams[i], PLAN_NO_SLOT);
        if (!add_step(builder, i, done) || !add_step(builder, i, (struct step){.kind = STEP_END})) {
            return false;
        }
    }
    return true;
}

static bool finish(struct builder *builder, const struct events *events)
{
    struct plan_header *header = &builder->header;
    if (header->event_count > 0 && (!sample_peak(builder) || !end_streams(builder))) {
        return false;
    }
    header->epoch_count = (header->event_count + header->epoch_events - 1) / header->epoch_events;
    if (header->epoch_count >= PLAN_NO_SLOT) {
        errno = EOVERFLOW;
        return failed(builder, "too many events for an exact order");
    }
    header->end_live_bytes = builder->live_bytes;
    header->end_live_blocks = builder->live_blocks;
    header->block_count = events->block_count;
    header->unknown_frees = events->unknown_frees;
    header->lost_frees = events->lost_frees;
    header->recorded_nanoseconds = builder->nanoseconds;
    header->thread_offset = bytes_of_segments(header->segment_count);
    header->sample_offset = header->thread_offset + header->thread_count * sizeof(uint64_t);
    for (size_t i = 0; i < header->thread_count; i++) {
        uint32_t first = builder->streams[i].first_segment;
        if (!write_all(builder, &first, sizeof(first), header->thread_offset + i * sizeof(first))) {
            return false;
        }
    }
    memcpy(builder->file, header, sizeof(*header));
    size_t bytes = header->sample_count * sizeof(*builder->samples);
    return write_all(builder, builder->samples, bytes, header->sample_offset) &&
           (ftruncate(builder->descriptor, (off_t)(header->sample_offset + bytes)) == 0 ||
            failed(builder, "the temporary file for the plan"));
}

static bool build(struct builder *builder, struct trace *trace)
{
    struct events events;
    bool done = events_begin(&events, trace, builder->problem) && begin(builder, trace);
    enum reading reading = READING_RECORD;
    while (done && reading == READING_RECORD) {
        struct event event;
        reading = events_next(&events, &event, builder->problem);
        done = reading == READING_END || (reading == READING_RECORD && add_event(builder, &event));
    }
    done = done && finish(builder, &events);
    events_end(&events);
    return done;
}

bool plan_write(struct trace *trace, const struct plan_settings *settings, int descriptor,
                struct problem *problem)
{
    struct builder builder = {.settings = settings, .problem = problem, .descriptor = descriptor};
    bool done = build(&builder, trace);
    if (builder.file != NULL) {
        munmap(builder.file, bytes_of_segments(builder.segment_capacity));
    }
    free(builder.streams);
    free(builder.stream_of_thread);
    free(builder.free_slots);
    free(builder.samples);
    return done;
}
