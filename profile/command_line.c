/* SPDX-License-Identifier: MIT
 * See command_line.h. */
#include "command_line.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_BY_DEFAULT 40
#define STATUS_USAGE 2

/* Long options have no letter; these numbers lie above all letters. */
enum option_number {
    OPTION_FOLDED = 256,
    OPTION_SVG,
    OPTION_TEXT,
    OPTION_SITES,
    OPTION_LEAKS,
    OPTION_DIFF,
    OPTION_VALUE,
    OPTION_PEAK,
    OPTION_LIVE,
    OPTION_KEEP_ALLOCATOR,
    OPTION_ROWS,
    OPTION_SYMBOLS,
    OPTION_HELP
};

static const struct option options[] = {
    {"folded", no_argument, NULL, OPTION_FOLDED},
    {"svg", no_argument, NULL, OPTION_SVG},
    {"text", no_argument, NULL, OPTION_TEXT},
    {"sites", no_argument, NULL, OPTION_SITES},
    {"leaks", no_argument, NULL, OPTION_LEAKS},
    {"diff", required_argument, NULL, OPTION_DIFF},
    {"value", required_argument, NULL, OPTION_VALUE},
    {"peak", no_argument, NULL, OPTION_PEAK},
    {"live", no_argument, NULL, OPTION_LIVE},
    {"keep-allocator", no_argument, NULL, OPTION_KEEP_ALLOCATOR},
    {"rows", required_argument, NULL, OPTION_ROWS},
    {"symbols", required_argument, NULL, OPTION_SYMBOLS},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void print_usage(FILE *stream)
{
    fputs("usage: brkmalloc pprof [--folded | --svg | --text | --sites | --leaks | --diff BASE]\n"
          "                       [--peak | --live] [--value NAME] [--rows N] [--keep-allocator]\n"
          "                       [--symbols DIR] [-o OUT] FILE\n",
          stream);
}

__attribute__((format(printf, 1, 2))) static _Noreturn void usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("brkmalloc pprof: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    print_usage(stderr);
    exit(STATUS_USAGE);
}

static enum profile_value value_by_name(const char *name)
{
    for (enum profile_value value = 0; value < PROFILE_VALUE_COUNT; value++) {
        if (strcmp(name, profile_value_names[value]) == 0) {
            return value;
        }
    }
    usage_error("--value '%s' is unknown: it is inuse_space, inuse_objects, alloc_space or "
                "alloc_objects",
                name);
}

static size_t row_count_of(const char *word)
{
    char *end;
    errno = 0;
    unsigned long count = strtoul(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0) {
        usage_error("--rows '%s' should be a whole number; 0 stands for all", word);
    }
    return count == 0 ? SIZE_MAX : count;
}

/* What is read of a command line, and what was there of it. */
struct reading {
    struct command_line line;
    const char *view_word; /* the option that chose the view, or NULL */
    bool has_rows;
    bool has_value;
};

static void choose_view(struct reading *reading, enum view view, const char *word)
{
    if (reading->view_word != NULL && reading->line.view != view) {
        usage_error("%s and %s exclude each other", reading->view_word, word);
    }
    reading->line.view = view;
    reading->view_word = word;
}

static void choose_moment(struct reading *reading, enum moment moment)
{
    if (reading->line.moment != MOMENT_BY_PROFILE && reading->line.moment != moment) {
        usage_error("--peak and --live exclude each other");
    }
    reading->line.moment = moment;
}

static void read_option(struct reading *reading, int option, char **words)
{
    switch (option) {
    case 'o':
        reading->line.output = optarg;
        return;
    case OPTION_FOLDED:
        choose_view(reading, VIEW_FOLDED, "--folded");
        return;
    case OPTION_SVG:
        choose_view(reading, VIEW_SVG, "--svg");
        return;
    case OPTION_TEXT:
        choose_view(reading, VIEW_TEXT, "--text");
        return;
    case OPTION_SITES:
        choose_view(reading, VIEW_SITES, "--sites");
        return;
    case OPTION_LEAKS:
        choose_view(reading, VIEW_LEAKS, "--leaks");
        return;
    case OPTION_DIFF:
        choose_view(reading, VIEW_DIFF, "--diff");
        reading->line.base = optarg;
        return;
    case OPTION_VALUE:
        reading->line.value = value_by_name(optarg);
        reading->has_value = true;
        return;
    case OPTION_PEAK:
        choose_moment(reading, MOMENT_PEAK);
        return;
    case OPTION_LIVE:
        choose_moment(reading, MOMENT_WRITING);
        return;
    case OPTION_KEEP_ALLOCATOR:
        reading->line.keeps_allocator = true;
        return;
    case OPTION_ROWS:
        reading->line.row_count = row_count_of(optarg);
        reading->has_rows = true;
        return;
    case OPTION_SYMBOLS:
        reading->line.symbols = optarg;
        return;
    case OPTION_HELP:
        print_usage(stdout);
        exit(0);
    case ':':
        usage_error("%s needs a value", words[optind - 1]);
    default:
        if (optopt != 0 && optopt < OPTION_FOLDED) {
            usage_error("unknown option '-%c'", optopt);
        }
        usage_error("unknown option '%s'", words[optind - 1]);
    }
}

static void check(const struct reading *reading)
{
    const struct command_line *line = &reading->line;
    if (reading->has_value && line->view == VIEW_PPROF) {
        usage_error(
            "--value has no meaning for pprof's format, which holds all; give it to pprof as "
            "-sample_index");
    }
    if ((line->view == VIEW_LEAKS || line->view == VIEW_SITES) &&
        (line->value == PROFILE_ALLOC_OBJECTS || line->value == PROFILE_ALLOC_SPACE)) {
        usage_error("%s shows what is in use: its --value is inuse_space or inuse_objects",
                    reading->view_word);
    }
    if (reading->has_rows &&
        (line->view == VIEW_PPROF || line->view == VIEW_FOLDED || line->view == VIEW_SVG)) {
        usage_error("--rows goes with --text, --sites, --leaks and --diff only");
    }
    if (line->output != NULL && line->output[0] == '\0') {
        usage_error("-o needs a file; - stands for standard output");
    }
}

struct command_line command_line_read(int count, char **words)
{
    struct reading reading = {
        .line = {.view = VIEW_PPROF, .value = PROFILE_INUSE_SPACE, .row_count = ROWS_BY_DEFAULT},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(count, words, ":o:", options, NULL)) != -1) {
        read_option(&reading, option, words);
    }
    if (optind == count) {
        usage_error("no FILE given: a heap profile that a program wrote");
    }
    if (optind + 1 < count) {
        usage_error("unexpected argument '%s'", words[optind + 1]);
    }
    reading.line.file = words[optind];
    check(&reading);
    return reading.line;
}
