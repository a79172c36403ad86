/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-replay: replays a recorded trace on the malloc that is preloaded, and prints what it
 * took. `./brkmalloc replay` compares allocators with it; docs/trace-format.md says what it prints.
 *
 * The process that reads the trace writes a plan and becomes, by exec, the one that replays it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "input.h"
#include "messages.h"
#include "plan.h"
#include "player.h"

#define SAMPLES_DEFAULT 1000
#define SAMPLES_MAX 1000000

/* An hour. */
#define QUIET_MILLISECONDS_MAX 3600000

const char program_name[] = "brkmalloc-replay";

static const char usage[] =
    "usage: brkmalloc-replay [--preload LIB] [--samples N] [--order near|exact]\n"
    "                        [--touch all|first|none] [--quiet MILLISECONDS] [--heap]\n"
    "                        [--addresses OUT] FILE\n"
    "       brkmalloc-replay --info FILE...\n"
    "       brkmalloc-replay --check FILE\n"
    "       brkmalloc-replay --dump FILE\n";

static const char help[] =
    "\n"
    "Replays a trace of `brkmalloc record`, plain or compressed by zstd, and prints lines of a "
    "name\n"
    "and a figure, then one line per sample.\n"
    "\n"
    "  --preload LIB   replay on the malloc of this library (as LD_PRELOAD does)\n"
    "  --samples N     about so many points of time at which memory is measured (1000); 0: none,\n"
    "                  for undisturbed times\n"
    "  --order near    threads keep within two thousand events of each other (the default)\n"
    "  --order exact   one event at a time, in the trace's order: slow, but memory does not "
    "depend\n"
    "                  on how the threads run\n"
    "  --touch all     write to every page of each block (the default)\n"
    "  --touch first   only to the first one\n"
    "  --touch none    to none\n"
    "  --quiet N       wait N milliseconds after everything was freed, before the memory that is "
    "left\n"
    "                  is measured (0)\n"
    "  --heap          also say what brkmalloc itself knows of its heap\n"
    "  --addresses OUT  write the address of each block to OUT, in the order of --dump's numbers, "
    "as\n"
    "                  64 bits each; means --order exact\n"
    "  --info          say what each trace is of\n"
    "  --check         only say whether, and if not, why the trace cannot be replayed\n"
    "  --dump          print the trace's events as text\n";

enum mode { MODE_REPLAY, MODE_INFO, MODE_CHECK, MODE_DUMP, MODE_PLAYER, MODE_OWN };

struct options {
    enum mode mode;
    const char *preload;
    struct plan_settings plan;
    int descriptor; /* of the plan, for the player */
    uint64_t own_bytes;
    char **files;
    int file_count;
};

/* ---- Messages ---- */

static int system_error(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_name, what, strerror(errno));
    return STATUS_FAILED;
}

/* ---- Reading the trace as text ---- */

static const char *const operation_names[TRACE_OPERATION_COUNT] = {
    [TRACE_MALLOC] = "malloc",
    [TRACE_CALLOC] = "calloc",
    [TRACE_REALLOC] = "realloc",
    [TRACE_FREE] = "free",
    [TRACE_FREE_SIZED] = "free_sized",
    [TRACE_FREE_ALIGNED_SIZED] = "free_aligned_sized",
    [TRACE_ALIGNED_ALLOC] = "aligned_alloc",
    [TRACE_MEMALIGN] = "memalign",
    [TRACE_POSIX_MEMALIGN] = "posix_memalign",
    [TRACE_VALLOC] = "valloc",
    [TRACE_PVALLOC] = "pvalloc",
    [TRACE_THREAD_END] = "thread_end",
};

static void print_event(const struct event *event)
{
    printf("%" PRIu64 " %" PRIu32 " %s", event->nanoseconds, event->thread,
           operation_names[event->operation]);
    if (event->operation != TRACE_FREE && event->operation != TRACE_THREAD_END) {
        printf(" size %" PRIu64, event->size);
    }
    if (trace_has_alignment(event->operation)) {
        printf(" alignment %" PRIu64, (uint64_t)1 << event->alignment_bits);
    }
    if (event->freed.address != 0) {
        printf(" frees %" PRIu64, event->freed.id);
    }
    if (event->gained != NULL) {
        printf(" gives %" PRIu64, event->gained->id);
    }
    if (event->lost.address != 0) {
        printf(" loses %" PRIu64, event->lost.id);
    }
    putchar('\n');
}

static bool dump(struct trace *trace, struct problem *problem)
{
    struct events events;
    enum reading reading = READING_PROBLEM;
    if (events_begin(&events, trace, problem)) {
        struct event event;
        while ((reading = events_next(&events, &event, problem)) == READING_RECORD) {
            print_event(&event);
        }
    }
    events_end(&events);
    return reading == READING_END;
}

static void print_command(const struct trace *trace)
{
    const char *command = trace->header.command;
    size_t length = TRACE_COMMAND_BYTES;
    while (length > 0 && command[length - 1] == '\0') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        char letter = command[i];
        putchar(letter == '\0' ? ' ' : letter >= ' ' && letter != 127 ? letter : '?');
    }
}

struct summary {
    uint64_t events;
    uint64_t allocations;
    uint64_t temporary; /* of these: freed by their thread before it allocated again */
    uint64_t live_bytes;
    uint64_t peak_live_bytes;
    uint64_t nanoseconds;
    uint32_t threads;
    uint64_t *newest; /* the block that each thread allocated last; 0: none, or it was freed */
};

static void count_temporary(struct summary *summary, const struct event *event)
{
    uint64_t *newest = &summary->newest[event->thread];
    if (event->freed.address != 0 && event->freed.id == *newest) {
        *newest = 0;
        summary->temporary += event->gained == NULL;
    }
    if (event->gained != NULL) {
        *newest = event->gained->id;
    }
}

static void count(struct summary *summary, const struct event *event)
{
    summary->events++;
    summary->allocations += event->gained != NULL && event->freed.address == 0;
    count_temporary(summary, event);
    summary->nanoseconds = event->nanoseconds;
    summary->live_bytes -= event->freed.size + event->lost.size;
    summary->live_bytes += event->gained == NULL ? 0 : event->size;
    if (summary->live_bytes > summary->peak_live_bytes) {
        summary->peak_live_bytes = summary->live_bytes;
    }
    if (event->thread > summary->threads) {
        summary->threads = event->thread;
    }
}

static bool summarize(struct summary *summary, struct trace *trace, struct problem *problem)
{
    struct events events = {.trace = NULL};
    enum reading reading = READING_PROBLEM;
    summary->newest = calloc((size_t)trace->thread_max + 1, sizeof(*summary->newest));
    if (summary->newest == NULL) {
        *problem = (struct problem){INPUT_NO_OFFSET, "there is no memory to read it"};
    } else if (events_begin(&events, trace, problem)) {
        struct event event;
        while ((reading = events_next(&events, &event, problem)) == READING_RECORD) {
            count(summary, &event);
        }
    }
    events_end(&events);
    free(summary->newest);
    return reading == READING_END;
}

/* A sample's figures are scaled; which blocks are temporary cannot be told of it. */
static void print_summary(const struct summary *summary, const struct trace *trace)
{
    uint64_t sample = trace->sample;
    const char *about = sample > 1 ? "about " : "";
    printf("process %" PRIu32 ", %s%" PRIu64 " events, %" PRIu32 " threads, %.3f s, %s%" PRIu64
           " allocations, ",
           trace->header.process, about, summary->events * sample, summary->threads,
           (double)summary->nanoseconds / 1e9, about, summary->allocations * sample);
    if (sample == 1) {
        printf("%" PRIu64 " of them temporary, ", summary->temporary);
    }
    printf("peak %s%" PRIu64 " bytes, left %s%" PRIu64 " bytes", about,
           summary->peak_live_bytes * sample, about, summary->live_bytes * sample);
    if (trace->begin_ticks != 0) {
        printf(", without the first %.3f s, about %" PRIu64 " events",
               (double)trace_nanoseconds(trace, trace->begin_ticks) / 1e9,
               trace_missing_events(trace) * sample);
    }
    if (sample > 1) {
        printf(", estimated from %" PRIu64 " events of one address in %" PRIu64, summary->events,
               sample);
    }
}

static bool inform(const char *path, struct trace *trace, struct problem *problem)
{
    struct summary summary = {.events = 0};
    if (!summarize(&summary, trace, problem)) {
        return false;
    }
    printf("%s: ", path);
    print_summary(&summary, trace);
    printf(": ");
    print_command(trace);
    putchar('\n');
    return true;
}

/* ---- From the trace to the player ---- */

static bool can_be_replayed(const struct trace *trace, struct problem *problem)
{
    if (trace->sample == 1) {
        return true;
    }
    problem->offset = INPUT_NO_OFFSET;
    snprintf(problem->text, sizeof(problem->text),
             "it is a sample, of one address in %" PRIu32
             ": without the other blocks a replay would say nothing of the program's memory",
             trace->sample);
    return false;
}

static bool check(struct trace *trace, struct problem *problem)
{
    struct summary summary = {.events = 0};
    return can_be_replayed(trace, problem) && summarize(&summary, trace, problem);
}

static uint64_t available_memory(void)
{
    char line[256];
    uint64_t bytes = UINT64_MAX;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "MemAvailable:", strlen("MemAvailable:")) == 0) {
            bytes = strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

/* As another process of this executable, with up to three arguments. */
static _Noreturn void run_itself(const char *first, const char *second, const char *third)
{
    execl("/proc/self/exe", "brkmalloc-replay", first, second, third, (char *)NULL);
    fprintf(stderr, "%s: cannot run itself: %s\n", program_name, strerror(errno));
    _exit(STATUS_FAILED);
}

/* Private memory that this executable has without any allocation, told by another process. */
static uint64_t measure_own(void)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        unsetenv("LD_PRELOAD");
        run_itself("--own", NULL, NULL);
    }
    close(ends[1]);
    uint64_t bytes = 0;
    if (child < 0 || read(ends[0], &bytes, sizeof(bytes)) != sizeof(bytes)) {
        bytes = 0;
    }
    close(ends[0]);
    waitpid(child, NULL, 0);
    return bytes;
}

/* Written directly, as stdio would allocate. */
static int print_own(void)
{
    uint64_t bytes = player_private_bytes();
    return write(STDOUT_FILENO, &bytes, sizeof(bytes)) == sizeof(bytes) ? 0 : STATUS_FAILED;
}

static int become_player(const struct options *options, int descriptor)
{
    char descriptor_text[16];
    char own_text[32];
    snprintf(descriptor_text, sizeof(descriptor_text), "%d", descriptor);
    snprintf(own_text, sizeof(own_text), "%" PRIu64, measure_own());
    if (options->preload != NULL && setenv("LD_PRELOAD", options->preload, 1) != 0) {
        return system_error("LD_PRELOAD");
    }
    run_itself("--player", descriptor_text, own_text);
}

static int replay(const struct options *options, struct trace *trace, const char *path)
{
    struct plan_settings settings = options->plan;
    settings.memory_max = available_memory();
    int descriptor = input_temporary_file();
    if (descriptor < 0) {
        return system_error("a temporary file for the plan");
    }
    struct problem problem;
    if (!can_be_replayed(trace, &problem) || !plan_write(trace, &settings, descriptor, &problem)) {
        return tell_problem(path, &problem);
    }
    return become_player(options, descriptor);
}

static int finish_output(void)
{
    return fflush(stdout) == 0 ? 0 : system_error("standard output");
}

static int treat_file(const struct options *options, const char *path)
{
    struct input input;
    struct trace trace;
    struct problem problem = {INPUT_NO_OFFSET, ""};
    if (!input_open(&input, path, &problem)) {
        return tell_problem(path, &problem);
    }
    int status = 0;
    if (!trace_open(&trace, input.bytes, input.length, &problem)) {
        status = tell_problem(path, &problem);
    } else if (options->mode == MODE_REPLAY) {
        status = replay(options, &trace, path);
    } else {
        bool done = options->mode == MODE_INFO    ? inform(path, &trace, &problem)
                    : options->mode == MODE_CHECK ? check(&trace, &problem)
                                                  : dump(&trace, &problem);
        status = finish_output();
        status = done ? status : tell_problem(path, &problem);
    }
    trace_close(&trace);
    input_close(&input);
    return status;
}

/* ---- Options ---- */

static bool parse_number(const char *text, uint64_t most, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *number <= most;
}

static int choose(const char *text, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static int set_samples(struct options *options, const char *text)
{
    uint64_t number;
    if (!parse_number(text, SAMPLES_MAX, &number)) {
        return tell_usage(usage, "--samples takes a number from 0 to 1000000, not ", text);
    }
    options->plan.samples = (uint32_t)number;
    return 0;
}

static int set_order(struct options *options, const char *text)
{
    static const char *const words[] = {"near", "exact", NULL};
    int choice = choose(text, words);
    if (choice < 0) {
        return tell_usage(usage, "--order takes near or exact, not ", text);
    }
    options->plan.is_exact = choice == 1;
    return 0;
}

static int set_touch(struct options *options, const char *text)
{
    static const char *const words[] = {
        [TOUCH_ALL] = "all", [TOUCH_FIRST] = "first", [TOUCH_NONE] = "none", NULL};
    int choice = choose(text, words);
    if (choice < 0) {
        return tell_usage(usage, "--touch takes all, first or none, not ", text);
    }
    options->plan.touch = (enum touch)choice;
    return 0;
}

static int set_quiet(struct options *options, const char *text)
{
    uint64_t number;
    if (!parse_number(text, QUIET_MILLISECONDS_MAX, &number)) {
        return tell_usage(usage, "--quiet takes a number from 0 to 3600000, not ", text);
    }
    options->plan.quiet_milliseconds = (uint32_t)number;
    return 0;
}

/* The descriptor stays open for the player. */
static int set_addresses(struct options *options, const char *path)
{
    options->plan.is_exact = true;
    options->plan.addresses = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    return options->plan.addresses < 0 ? system_error(path) : 0;
}

static int set_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case 'p':
        options->preload = value;
        return 0;
    case 's':
        return set_samples(options, value);
    case 'o':
        return set_order(options, value);
    case 't':
        return set_touch(options, value);
    case 'q':
        return set_quiet(options, value);
    case 'a':
        return set_addresses(options, value);
    case 'h':
        options->plan.watches_heap = true;
        return 0;
    case 'i':
        options->mode = MODE_INFO;
        return 0;
    case 'c':
        options->mode = MODE_CHECK;
        return 0;
    case 'd':
        options->mode = MODE_DUMP;
        return 0;
    default:
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
}

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {
        {"preload", required_argument, NULL, 'p'},
        {"samples", required_argument, NULL, 's'},
        {"order", required_argument, NULL, 'o'},
        {"touch", required_argument, NULL, 't'},
        {"quiet", required_argument, NULL, 'q'},
        {"heap", no_argument, NULL, 'h'},
        {"info", no_argument, NULL, 'i'},
        {"check", no_argument, NULL, 'c'},
        {"dump", no_argument, NULL, 'd'},
        {"addresses", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        int status = set_option(options, option, optarg);
        if (status != 0) {
            return status;
        }
    }
    options->files = argv + optind;
    options->file_count = argc - optind;
    if (options->file_count == 0) {
        return tell_usage(usage, "no FILE given", "");
    }
    if (options->file_count > 1 && options->mode != MODE_INFO) {
        return tell_usage(usage, "only --info takes more than one FILE: ", options->files[1]);
    }
    return 0;
}

/* How this program calls itself. Before anything else, as nothing may be allocated here. */
static int run_as_child(int argc, char **argv)
{
    uint64_t descriptor;
    uint64_t own_bytes;
    if (argc == 2 && strcmp(argv[1], "--own") == 0) {
        return print_own();
    }
    if (argc == 4 && strcmp(argv[1], "--player") == 0 &&
        parse_number(argv[2], INT32_MAX, &descriptor) &&
        parse_number(argv[3], UINT64_MAX, &own_bytes)) {
        return player_run((int)descriptor, own_bytes);
    }
    return -1;
}

int main(int argc, char **argv)
{
    int status = run_as_child(argc, argv);
    if (status >= 0) {
        return status;
    }
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        printf("%s%s", usage, help);
        return finish_output();
    }
    struct options options = {.plan = {.samples = SAMPLES_DEFAULT, .addresses = -1}};
    status = parse(&options, argc, argv);
    if (status != 0) {
        return status;
    }
    for (int i = 0; i < options.file_count; i++) {
        int one = treat_file(&options, options.files[i]);
        status = one != 0 ? one : status;
    }
    return status;
}
