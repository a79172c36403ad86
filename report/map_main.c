/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-map: the heap map of a trace or a snapshot in a terminal, as PNG or as SVG. `brkmalloc
 * map` starts it, and takes a snapshot of a running process first. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/output.h"
#include "../trace/messages.h"
#include "map_file.h"
#include "map_picture.h"
#include "map_source.h"
#include "map_terminal.h"

#define WIDTH_USUAL 1200
#define WIDTH_MIN 64
#define WIDTH_MAX 8192

/* Between two snapshots: a day. */
#define SECONDS_MAX 86400

/* Rows of a picture. */
#define PICTURE_ROWS 75

const char program_name[] = "brkmalloc map";

static const char usage[] =
    "usage: brkmalloc-map [--by state|age|size|thread|site] [--moment N]\n"
    "                     [--width PIXELS] [--title TITLE] [-o OUT.png|OUT.svg]\n"
    "                     [--asker PROGRAM --process PID [--every SECONDS]] FILE\n";

struct options {
    const char *output;
    const char *title;
    const char *file;
    const char *asker;   /* brkmalloc-ctl, which takes the next snapshot of ... */
    const char *process; /* ... this one; NULL of a file that stays as it is */
    uint64_t seconds;    /* from one to the next; 0: when a key is pressed */
    uint64_t moment;     /* from 1; 0: that of the peak */
    uint64_t width;
    int colouring; /* negative: as it fits the file */
};

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text);
    return length >= strlen(ending) && strcmp(text + length - strlen(ending), ending) == 0;
}

/* ---- What is made ---- */

/* A PNG has no words: those of its colours are printed. */
static void print_sites(const struct map_view *view)
{
    struct map_site_row rows[MAP_SITE_RANKS];
    size_t count = map_view_site_rows(view, rows);
    for (size_t i = 0; i < count; i++) {
        char number[NUMBER_SIZE];
        struct text name = {.bytes = NULL};
        text_clear(&name);
        text_add_clean(&name, rows[i].name);
        printf("#%02x%02x%02x  %10s  %s\n", rows[i].colour.red, rows[i].colour.green,
               rows[i].colour.blue, number_of(number, rows[i].bytes, 1), name.bytes);
        text_free(&name);
    }
}

static bool write_picture(const struct options *options, struct map_view *view)
{
    struct text picture = {.bytes = NULL};
    bool is_svg = ends_with(options->output, ".svg");
    map_view_resize(view, (uint32_t)(is_svg ? options->width / 2 : options->width), PICTURE_ROWS);
    map_view_fill(view);
    if (is_svg) {
        map_add_svg(&picture, view, options->title);
    } else {
        map_add_png(&picture, view);
    }
    bool done = output_write(options->output, &picture);
    text_free(&picture);
    if (done) {
        printf("written: %s\n", options->output);
    }
    if (done && !is_svg && view->colouring == BY_SITE) {
        print_sites(view);
    }
    return done;
}

/* Whether the options fit the file; the exit status. */
static int judge(const struct options *options, const struct map_file *file)
{
    if (file->picture.count == 0) {
        fprintf(stderr, "%s: %s: there are no blocks to show\n", program_name, options->file);
        return STATUS_FAILED;
    }
    if (options->colouring == BY_SITE && file->sites.count == 0) {
        fprintf(stderr,
                "%s: %s: no call sites are known: `record --stacks` writes them, or the heap "
                "profile of a process\n",
                program_name, options->file);
        return STATUS_FAILED;
    }
    if (options->moment > file->moments) {
        fprintf(stderr, "%s: --moment: %s has moments 1 to %" PRIu32 "\n", program_name,
                options->file, file->moments);
        return STATUS_USAGE;
    }
    return 0;
}

static bool make_map(const struct options *options, struct map_source *source)
{
    struct map_view view;
    const struct map_file *file = map_source_file(source);
    map_view_begin(&view, file);
    view.moment = options->moment == 0 ? file->peak : (uint32_t)options->moment - 1;
    view.colouring = options->colouring < 0 ? view.colouring : (enum colouring)options->colouring;
    bool done = options->output != NULL ? write_picture(options, &view)
                                        : map_terminal_run(&view, options->title, source);
    map_view_free(&view);
    return done;
}

static int map_file(const struct options *options)
{
    static struct map_source source;
    source.path = options->file;
    source.asker = options->asker;
    source.process = options->process;
    source.seconds = options->seconds;
    /* A key may ask for them later. */
    bool may_change = options->output == NULL && options->colouring < 0;
    source.wants_sites = options->colouring == BY_SITE || may_change;
    int status = map_source_open(&source);
    status = status == 0 ? judge(options, map_source_file(&source)) : status;
    if (status == 0) {
        status = make_map(options, &source) ? 0 : STATUS_FAILED;
    }
    map_source_free(&source);
    return status;
}

/* ---- Options ---- */

static int set_number(uint64_t *number, const char *name, const char *text, uint64_t least,
                      uint64_t most)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || *number < least ||
        *number > most) {
        fprintf(stderr, "%s: %s takes a number from %" PRIu64 " to %" PRIu64 ", not %s\n",
                program_name, name, least, most, text);
        return STATUS_USAGE;
    }
    return 0;
}

static int set_colouring(struct options *options, const char *text)
{
    for (int i = 0; i < COLOURINGS; i++) {
        if (strcmp(text, colouring_words[i]) == 0) {
            options->colouring = i;
            return 0;
        }
    }
    return tell_usage(usage, "--by takes state, age, size, thread or site, not ", text);
}

static int set_output(struct options *options, const char *text)
{
    options->output = text;
    return ends_with(text, ".png") || ends_with(text, ".svg")
               ? 0
               : tell_usage(usage, "-o takes a name that ends in .png or .svg, not ", text);
}

static int set_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case 'o':
        return set_output(options, value);
    case 'b':
        return set_colouring(options, value);
    case 'm':
        return set_number(&options->moment, "--moment", value, 1, PICTURE_MOMENTS_MAX);
    case 'w':
        return set_number(&options->width, "--width", value, WIDTH_MIN, WIDTH_MAX);
    case 'e':
        return set_number(&options->seconds, "--every", value, 1, SECONDS_MAX);
    case 'a':
        options->asker = value;
        return 0;
    case 'p':
        options->process = value;
        return 0;
    case 't':
        options->title = value;
        return 0;
    default:
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
}

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {
        {"by", required_argument, NULL, 'b'},    {"moment", required_argument, NULL, 'm'},
        {"width", required_argument, NULL, 'w'}, {"title", required_argument, NULL, 't'},
        {"asker", required_argument, NULL, 'a'}, {"process", required_argument, NULL, 'p'},
        {"every", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "o:", names, NULL)) != -1) {
        int status = set_option(options, option, optarg);
        if (status != 0) {
            return status;
        }
    }
    if (argc - optind != 1) {
        return argc == optind ? tell_usage(usage, "no FILE given", "")
                              : tell_usage(usage, "one FILE at a time: ", argv[optind + 1]);
    }
    if (options->seconds != 0 && (options->process == NULL || options->output != NULL)) {
        return tell_usage(usage, "--every is for the map of a process in a terminal", "");
    }
    options->file = argv[optind];
    options->title = options->title == NULL ? options->file : options->title;
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {.width = WIDTH_USUAL, .colouring = -1};
    int status = parse(&options, argc, argv);
    return status != 0 ? status : map_file(&options);
}
