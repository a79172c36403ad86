/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-export: a trace in formats that other programs read. As CSV, a row for each block's
 * life, or for each frame of its call stacks; as JSON for Perfetto, what is live over time, in all,
 * by thread and by call site. Only live blocks and the names of call sites are kept in memory. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../profile/memory.h"
#include "../profile/name_table.h"
#include "events.h"
#include "input.h"
#include "messages.h"
#include "stack_names.h"
#include "stack_weights.h"

/* Points of each curve: as many as a viewer shows without becoming slow. */
#define POINTS_MAX 50000

/* Bytes of a record and its share of chunks, of which there are more rather than fewer. */
#define EVENT_BYTES 4

/* Threads with tracks of their own: those with the first blocks. */
#define THREADS_MAX 64

/* Call sites with curves of their own: those through which most was requested. */
#define SITES_MAX 16
#define NO_SITE UINT32_MAX

const char program_name[] = "brkmalloc export";

static const char usage[] = "usage: brkmalloc-export --format csv|stacks|perfetto -o OUT FILE\n";

static const char *const operation_names[TRACE_OPERATION_COUNT] = {
    [TRACE_MALLOC] = "malloc",     [TRACE_CALLOC] = "calloc",
    [TRACE_REALLOC] = "realloc",   [TRACE_ALIGNED_ALLOC] = "aligned_alloc",
    [TRACE_MEMALIGN] = "memalign", [TRACE_POSIX_MEMALIGN] = "posix_memalign",
    [TRACE_VALLOC] = "valloc",     [TRACE_PVALLOC] = "pvalloc",
};

/* What is kept of a block while it lives, in the slot that the block names. */
struct birth {
    uint64_t nanoseconds;
    uint32_t thread;
    uint32_t stack;
    uint32_t next; /* of the unused ones */
    uint8_t operation;
    uint8_t alignment_bits;
};

struct thread_track {
    uint64_t first;
    uint64_t last;
    uint64_t allocations;
    uint64_t live_bytes; /* of blocks that it allocated */
    uint64_t told_bytes;
};

struct site_track {
    uint32_t site;
    uint64_t live_bytes;
    uint64_t told_bytes;
};

/* The call sites of stacks: functions that called the allocator, with their line. */
struct site_list {
    struct name_table names;
    uint32_t *of_stack; /* by number of stack; NULL: there are none */
    uint32_t *track_of; /* by site: its track; NO_SITE */
};

struct exporting {
    FILE *out;
    const struct trace *trace;
    struct site_list sites;
    struct site_track site_tracks[SITES_MAX];
    uint32_t site_track_count;
    struct birth *births; /* the first is not used */
    size_t birth_count;
    size_t birth_capacity;
    uint32_t unused;
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t events;
    uint64_t events_per_point;
    uint64_t peak_bytes; /* since the last point, and when */
    uint64_t peak_nanoseconds;
    struct thread_track tracks[THREADS_MAX + 1]; /* by the thread's number */
};

/* Of one format: what is written at the beginning, for each event and its ends of lives, and at the
 * end. */
struct format {
    const char *name;
    void (*begin)(struct exporting *state);
    void (*end_life)(struct exporting *state, const struct event *event, const struct block *block);
    void (*follow)(struct exporting *state, const struct event *event);
    void (*finish)(struct exporting *state, const struct events *events);
};

/* ---- Blocks ---- */

static bool take_birth(struct exporting *state, uint32_t *slot)
{
    if (state->unused != 0) {
        *slot = state->unused;
        state->unused = state->births[*slot].next;
        return true;
    }
    if (state->birth_count == state->birth_capacity) {
        size_t capacity = state->birth_capacity == 0 ? 1024 : state->birth_capacity * 2;
        struct birth *grown = realloc(state->births, capacity * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        state->births = grown;
        state->birth_capacity = capacity;
    }
    *slot = (uint32_t)state->birth_count++;
    return true;
}

static struct thread_track *track_of(struct exporting *state, uint32_t thread)
{
    return thread <= THREADS_MAX ? &state->tracks[thread] : NULL;
}

static struct site_track *site_track_of(struct exporting *state, uint32_t stack)
{
    const struct site_list *sites = &state->sites;
    bool has_site = sites->track_of != NULL && stack != 0;
    uint32_t track = has_site ? sites->track_of[sites->of_stack[stack]] : NO_SITE;
    return track == NO_SITE ? NULL : &state->site_tracks[track];
}

static bool begin_life(struct exporting *state, const struct event *event)
{
    struct block *block = event->gained;
    if (!take_birth(state, &block->slot)) {
        return false;
    }
    state->births[block->slot] = (struct birth){.nanoseconds = event->nanoseconds,
                                                .thread = event->thread,
                                                .stack = event->stack,
                                                .operation = (uint8_t)event->operation,
                                                .alignment_bits = (uint8_t)event->alignment_bits};
    state->live_bytes += block->size;
    state->live_blocks++;
    struct thread_track *track = track_of(state, event->thread);
    if (track != NULL) {
        track->allocations++;
        track->live_bytes += block->size;
    }
    struct site_track *site = site_track_of(state, event->stack);
    if (site != NULL) {
        site->live_bytes += block->size;
    }
    return true;
}

static void end_life(struct exporting *state, const struct format *format,
                     const struct event *event, const struct block *block)
{
    struct birth *birth = &state->births[block->slot];
    struct thread_track *track = track_of(state, birth->thread);
    format->end_life(state, event, block);
    state->live_bytes -= block->size;
    state->live_blocks--;
    if (track != NULL) {
        track->live_bytes -= block->size;
    }
    struct site_track *site = site_track_of(state, birth->stack);
    if (site != NULL) {
        site->live_bytes -= block->size;
    }
    birth->next = state->unused;
    state->unused = block->slot;
}

/* ---- CSV ---- */

static void begin_csv(struct exporting *state)
{
    fputs("block,address,size,alignment,operation,allocated_by,allocated_ns,freed_by,freed_ns,"
          "lifetime_ns",
          state->out);
    fputs(trace_has_stacks(state->trace) ? ",stack,call_site\n" : "\n", state->out);
}

static void print_quoted(FILE *out, const char *text, size_t length)
{
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        fputs(text[i] == '"' ? "\"" : "", out);
        fputc(text[i], out);
    }
    fputc('"', out);
}

/* The end of a row. */
static void print_site(struct exporting *state, const struct block *block)
{
    const struct site_list *sites = &state->sites;
    uint32_t stack = state->births[block->slot].stack;
    if (trace_has_stacks(state->trace) && stack != 0) {
        const char *name = name_table_get(&sites->names, sites->of_stack[stack]);
        fprintf(state->out, ",%" PRIu32 ",", stack);
        print_quoted(state->out, name, strlen(name));
    } else if (trace_has_stacks(state->trace)) {
        fputs(",,", state->out);
    }
    fputc('\n', state->out);
}

static void print_birth(struct exporting *state, const struct block *block)
{
    const struct birth *birth = &state->births[block->slot];
    fprintf(state->out, "%" PRIu64 ",0x%" PRIx64 ",%" PRIu64 ",", block->id, block->address,
            block->size);
    if (trace_has_alignment(birth->operation)) {
        fprintf(state->out, "%" PRIu64, (uint64_t)1 << birth->alignment_bits);
    }
    fprintf(state->out, ",%s,%" PRIu32 ",%" PRIu64 ",", operation_names[birth->operation],
            birth->thread, birth->nanoseconds);
}

/* A block whose free was not seen has an end by which it was gone, and nobody who freed it. */
static void end_csv_life(struct exporting *state, const struct event *event,
                         const struct block *block)
{
    uint64_t begin = state->births[block->slot].nanoseconds;
    print_birth(state, block);
    if (block == &event->freed) {
        fprintf(state->out, "%" PRIu32, event->thread);
    }
    fprintf(state->out, ",%" PRIu64 ",%" PRIu64, event->nanoseconds,
            event->nanoseconds > begin ? event->nanoseconds - begin : 0);
    print_site(state, block);
}

static void follow_nothing(struct exporting *state, const struct event *event)
{
    (void)state;
    (void)event;
}

static void finish_csv(struct exporting *state, const struct events *events)
{
    for (size_t i = 0; i < events->live.capacity; i++) {
        if (events->live.blocks[i].address != 0) {
            print_birth(state, &events->live.blocks[i]);
            fputs(",,", state->out);
            print_site(state, &events->live.blocks[i]);
        }
    }
}

/* ---- Stacks ---- */

static void print_frames(void *context, uint32_t number, const char *lines)
{
    FILE *out = ((struct exporting *)context)->out;
    for (unsigned frame = 0; *lines != '\0'; frame++) {
        size_t length = strcspn(lines, "\n");
        fprintf(out, "%" PRIu32 ",%u,", number, frame);
        print_quoted(out, lines, length);
        fputc('\n', out);
        lines += length + (lines[length] != '\0');
    }
}

static void begin_stacks(struct exporting *state)
{
    fputs("stack,frame,function\n", state->out);
    stack_names_each(&state->trace->stacks, print_frames, state);
}

static void finish_nothing(struct exporting *state, const struct events *events)
{
    (void)state;
    (void)events;
}

/* ---- Perfetto ---- */

/* The format counts in microseconds. */
static void print_event(struct exporting *state, const char *kind, uint32_t thread,
                        uint64_t nanoseconds)
{
    fprintf(state->out,
            ",\n{\"ph\":\"%s\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32 ",\"ts\":%" PRIu64
            ".%03" PRIu64,
            kind, state->trace->header.process, thread, nanoseconds / 1000, nanoseconds % 1000);
}

static void print_counter(struct exporting *state, uint64_t nanoseconds, const char *name,
                          uint64_t value)
{
    print_event(state, "C", 0, nanoseconds);
    fprintf(state->out, ",\"name\":\"%s\",\"args\":{\"value\":%" PRIu64 "}}", name,
            value * state->trace->sample);
}

/* Letters that may stand in JSON as they are. */
static void print_text(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char letter = text[i] == '\0' ? ' ' : text[i];
        bool is_plain = letter >= ' ' && letter < 127 && letter != '"' && letter != '\\';
        fputc(is_plain ? letter : '?', out);
    }
}

static void begin_perfetto(struct exporting *state)
{
    const struct trace_header *header = &state->trace->header;
    fprintf(state->out,
            "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"sample\":%" PRIu32 "},\n"
            "\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":%" PRIu32
            ",\"name\":\"process_name\",\"args\":{\"name\":\"",
            state->trace->sample, header->process);
    size_t length = strnlen(header->command, sizeof(header->command));
    print_text(state->out, header->command, length);
    fputs("\"}}", state->out);
}

static void end_nothing(struct exporting *state, const struct event *event,
                        const struct block *block)
{
    (void)state;
    (void)event;
    (void)block;
}

static void tell_threads(struct exporting *state, uint64_t nanoseconds)
{
    for (uint32_t i = 1; i <= THREADS_MAX; i++) {
        struct thread_track *track = &state->tracks[i];
        if (track->live_bytes != track->told_bytes) {
            char name[64];
            snprintf(name, sizeof(name), "live bytes of thread %" PRIu32, i);
            print_counter(state, nanoseconds, name, track->live_bytes);
            track->told_bytes = track->live_bytes;
        }
    }
}

/* Names of functions have letters that JSON does not take as they are. */
static void tell_sites(struct exporting *state, uint64_t nanoseconds)
{
    for (uint32_t i = 0; i < state->site_track_count; i++) {
        struct site_track *track = &state->site_tracks[i];
        if (track->live_bytes != track->told_bytes) {
            const char *site = name_table_get(&state->sites.names, track->site);
            print_event(state, "C", 0, nanoseconds);
            fputs(",\"name\":\"live bytes of ", state->out);
            print_text(state->out, site, strlen(site));
            fprintf(state->out, "\",\"args\":{\"value\":%" PRIu64 "}}",
                    track->live_bytes * state->trace->sample);
            track->told_bytes = track->live_bytes;
        }
    }
}

/* The highest since the last point has a point of its own. */
static void tell_point(struct exporting *state, uint64_t nanoseconds)
{
    if (state->peak_bytes > state->live_bytes) {
        print_counter(state, state->peak_nanoseconds, "live bytes", state->peak_bytes);
    }
    print_counter(state, nanoseconds, "live bytes", state->live_bytes);
    print_counter(state, nanoseconds, "live blocks", state->live_blocks);
    tell_threads(state, nanoseconds);
    tell_sites(state, nanoseconds);
    state->peak_bytes = 0;
}

static void follow_perfetto(struct exporting *state, const struct event *event)
{
    struct thread_track *track = track_of(state, event->thread);
    if (track != NULL) {
        track->first = track->last == 0 ? event->nanoseconds : track->first;
        track->last = event->nanoseconds + 1;
    }
    if (state->live_bytes >= state->peak_bytes) {
        state->peak_bytes = state->live_bytes;
        state->peak_nanoseconds = event->nanoseconds;
    }
    if (state->events % state->events_per_point == 0) {
        tell_point(state, event->nanoseconds);
    }
}

static void print_thread(struct exporting *state, uint32_t number)
{
    const struct thread_track *track = &state->tracks[number];
    uint64_t nanoseconds = track->last - track->first;
    fprintf(state->out,
            ",\n{\"ph\":\"M\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32
            ",\"name\":\"thread_name\",\"args\":{\"name\":\"thread %" PRIu32 "\"}}",
            state->trace->header.process, number, number);
    print_event(state, "X", number, track->first);
    fprintf(state->out,
            ",\"dur\":%" PRIu64 ".%03" PRIu64
            ",\"name\":\"allocates\",\"args\":{\"allocations\":%" PRIu64 ",\"left bytes\":%" PRIu64
            "}}",
            nanoseconds / 1000, nanoseconds % 1000, track->allocations * state->trace->sample,
            track->live_bytes * state->trace->sample);
}

static void finish_perfetto(struct exporting *state, const struct events *events)
{
    (void)events;
    uint64_t end = 0;
    for (uint32_t i = 1; i <= THREADS_MAX; i++) {
        end = state->tracks[i].last > end ? state->tracks[i].last : end;
    }
    if (state->events != 0) {
        tell_point(state, end);
    }
    for (uint32_t i = 1; i <= THREADS_MAX; i++) {
        if (state->tracks[i].last != 0) {
            print_thread(state, i);
        }
    }
    fputs("\n]}\n", state->out);
}

/* ---- Call sites ---- */

static void add_site(void *context, uint32_t number, const char *lines)
{
    struct site_list *sites = &((struct exporting *)context)->sites;
    sites->of_stack[number] = name_table_add(&sites->names, lines, strcspn(lines, "\n"));
}

/* The site with most bytes of those without a track gets one. */
static void add_site_track(struct exporting *state, const uint64_t *bytes)
{
    struct site_list *sites = &state->sites;
    uint32_t most = NO_SITE;
    for (uint32_t i = 0; i < sites->names.count; i++) {
        if (sites->track_of[i] == NO_SITE && (most == NO_SITE || bytes[i] > bytes[most])) {
            most = i;
        }
    }
    if (most != NO_SITE && bytes[most] != 0) {
        sites->track_of[most] = state->site_track_count;
        state->site_tracks[state->site_track_count++].site = most;
    }
}

static void choose_site_tracks(struct exporting *state, const uint64_t *weights)
{
    struct site_list *sites = &state->sites;
    uint64_t *bytes = memory_zeroed(sites->names.count, sizeof(*bytes));
    for (size_t stack = 1; stack <= state->trace->stacks.stack_count; stack++) {
        bytes[sites->of_stack[stack]] += weights[stack];
    }
    sites->track_of = memory_zeroed(sites->names.count, sizeof(*sites->track_of));
    for (uint32_t i = 0; i < sites->names.count; i++) {
        sites->track_of[i] = NO_SITE;
    }
    for (int i = 0; i < SITES_MAX; i++) {
        add_site_track(state, bytes);
    }
    free(bytes);
}

/* Names them, and reads the trace once to find those through which most was requested. */
static bool read_sites(struct exporting *state, const struct input *input, struct problem *problem)
{
    struct trace trace;
    bool done = trace_open(&trace, input->bytes, input->length, problem);
    if (done && trace.stacks.stack_count != 0) {
        size_t count = trace.stacks.stack_count + 1;
        uint64_t *weights = memory_zeroed(count, sizeof(*weights));
        state->sites.of_stack = memory_zeroed(count, sizeof(*state->sites.of_stack));
        stack_names_each(&trace.stacks, add_site, state);
        done = stack_weights_add(weights, &trace, problem);
        if (done) {
            choose_site_tracks(state, weights);
        }
        free(weights);
    }
    trace_close(&trace);
    return done;
}

static void free_sites(struct site_list *sites)
{
    name_table_free(&sites->names);
    free(sites->of_stack);
    free(sites->track_of);
}

/* ---- The whole ---- */

static const struct format formats[] = {
    {"csv", begin_csv, end_csv_life, follow_nothing, finish_csv},
    {"stacks", begin_stacks, end_nothing, follow_nothing, finish_nothing},
    {"perfetto", begin_perfetto, end_nothing, follow_perfetto, finish_perfetto},
};

static bool write_event(struct exporting *state, const struct format *format,
                        const struct event *event)
{
    if (event->freed.address != 0) {
        end_life(state, format, event, &event->freed);
    }
    if (event->lost.address != 0) {
        end_life(state, format, event, &event->lost);
    }
    if (event->gained != NULL && !begin_life(state, event)) {
        return false;
    }
    state->events++;
    format->follow(state, event);
    return true;
}

static bool write_events(struct exporting *state, const struct format *format, struct trace *trace,
                         struct problem *problem)
{
    struct events events;
    enum reading reading = READING_PROBLEM;
    uint32_t unused;
    if (events_begin(&events, trace, problem) && take_birth(state, &unused)) {
        struct event event;
        format->begin(state);
        while ((reading = events_next(&events, &event, problem)) == READING_RECORD) {
            if (!write_event(state, format, &event)) {
                *problem = (struct problem){INPUT_NO_OFFSET, "there is no memory to follow it"};
                reading = READING_PROBLEM;
                break;
            }
        }
        if (reading == READING_END) {
            format->finish(state, &events);
        }
    }
    events_end(&events);
    return reading == READING_END;
}

static bool write_trace(FILE *out, const struct format *format, const struct input *input,
                        struct problem *problem)
{
    struct trace trace;
    bool done = trace_open(&trace, input->bytes, input->length, problem);
    if (done) {
        static struct exporting state;
        state.out = out;
        state.trace = &trace;
        state.events_per_point = trace.bytes_of_records / EVENT_BYTES / POINTS_MAX + 1;
        done = read_sites(&state, input, problem) && write_events(&state, format, &trace, problem);
        free(state.births);
        free_sites(&state.sites);
        if (done && format->begin == begin_stacks && !trace_has_stacks(&trace)) {
            fprintf(stderr,
                    "%s: this trace has no call stacks: `brkmalloc record --stacks` records them\n",
                    program_name);
        }
        if (done && trace.sample > 1 && strcmp(format->name, "csv") == 0) {
            fprintf(stderr, "%s: a sample: each row stands for about %" PRIu32 " blocks\n",
                    program_name, trace.sample);
        }
    }
    trace_close(&trace);
    return done;
}

static int fail_to_write(const char *path)
{
    fprintf(stderr, "%s: cannot write %s: %s\n", program_name, path, strerror(errno));
    return STATUS_FAILED;
}

/* Beside the file, whose place it takes when all has been written. */
static FILE *open_output(const char *path, char *temporary, size_t room)
{
    if (strcmp(path, "-") == 0) {
        temporary[0] = '\0';
        return stdout;
    }
    snprintf(temporary, room, "%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    mode_t mask = umask(0);
    umask(mask);
    if (descriptor < 0 || fchmod(descriptor, 0666 & ~mask) != 0) {
        return NULL;
    }
    return fdopen(descriptor, "w");
}

static bool close_output(FILE *out, const char *path, const char *temporary)
{
    bool done = ferror(out) == 0 && fflush(out) == 0;
    if (out != stdout) {
        done = fclose(out) == 0 && done && rename(temporary, path) == 0;
    }
    return done;
}

static int export_file(const struct format *format, const char *path, const char *output)
{
    char temporary[PATH_MAX];
    struct input input;
    struct problem problem = {INPUT_NO_OFFSET, ""};
    if (!input_open(&input, path, &problem)) {
        return tell_problem(path, &problem);
    }
    FILE *out = open_output(output, temporary, sizeof(temporary));
    int status = 0;
    if (out == NULL) {
        status = fail_to_write(output);
    } else if (!write_trace(out, format, &input, &problem)) {
        status = tell_problem(path, &problem);
    } else if (!close_output(out, output, temporary)) {
        status = fail_to_write(output);
    }
    if (status != 0 && temporary[0] != '\0') {
        unlink(temporary);
    }
    input_close(&input);
    return status;
}

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"format", required_argument, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    const char *name = NULL;
    const char *output = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "o:", names, NULL)) != -1) {
        if (option == 'f') {
            name = optarg;
        } else if (option == 'o') {
            output = optarg;
        } else {
            fputs(usage, stderr);
            return STATUS_USAGE;
        }
    }
    const struct format *format = name == NULL ? NULL : find_format(name);
    if (format == NULL) {
        return tell_usage(usage, "--format takes csv, stacks or perfetto", "");
    }
    if (argc - optind != 1 || output == NULL) {
        return tell_usage(usage, output == NULL ? "-o OUT is missing" : "one FILE is needed", "");
    }
    return export_file(format, argv[optind], output);
}
