/* SPDX-License-Identifier: MIT
 * `brkmalloc pprof`: reads a heap profile and makes something to look at of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command_line.h"
#include "making.h"
#include "memory.h"
#include "output.h"
#include "pprof_format.h"
#include "profile.h"
#include "raw_profile.h"
#include "text.h"
#include "views.h"

const char program_name[] = "brkmalloc pprof";

/* A message about a file; both may hold anything that a damaged file has. */
static void tell(const char *kind, const char *path, size_t line, const char *message)
{
    struct text text = {.bytes = NULL};
    text_format(&text, "%s: ", program_name);
    text_add(&text, kind);
    text_add_clean(&text, path);
    if (line != 0) {
        text_format(&text, ": line %zu", line);
    }
    text_add(&text, ": ");
    text_add_clean(&text, message);
    fprintf(stderr, "%s\n", text.bytes);
    text_free(&text);
}

static void warn_if_cut_short(const char *path, const struct raw_profile *raw)
{
    if (!raw->is_complete) {
        struct text message = {.bytes = NULL};
        text_format(&message, "was cut short behind line %zu; what is there has %zu samples%s",
                    raw->line_count, raw->sample_count,
                    raw->object_count == 0 ? " and nothing that gives names to addresses" : "");
        tell("warning: ", path, 0, message.bytes);
        text_free(&message);
    }
}

/* Where neither the loader nor /proc told the program which files lay in its memory. */
static void warn_of_unknown_objects(const char *path, const struct raw_profile *raw)
{
    if (raw->is_complete && raw->object_count == 0 && raw->address_count != 0) {
        tell("warning: ", path, 0,
             "does not say which files the program ran, which had no /proc to find out; addresses "
             "have no names");
    }
}

static bool read_raw(struct raw_profile *raw, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        tell("", path, 0, strerror(errno));
        return false;
    }
    struct raw_problem problem;
    bool is_read = raw_profile_read(raw, file, &problem);
    fclose(file);
    if (is_read) {
        warn_if_cut_short(path, raw);
        warn_of_unknown_objects(path, raw);
    } else {
        tell("", path, problem.line, problem.text);
        raw_profile_free(raw);
    }
    return is_read;
}

static bool shows_peak(const struct command_line *command, const struct raw_profile *raw,
                       const struct raw_profile *base)
{
    if (command->moment != MOMENT_BY_PROFILE) {
        return command->moment == MOMENT_PEAK;
    }
    return command->view != VIEW_LEAKS && raw_profile_is_of_whole_run(raw) &&
           (base == NULL || raw_profile_is_of_whole_run(base));
}

static void add_view(struct text *text, const struct profile *profile, const struct profile *base,
                     const struct command_line *command)
{
    struct view_options options = {command->value, command->row_count};
    switch (command->view) {
    case VIEW_PPROF:
        pprof_format_add(text, profile);
        output_compress(text);
        return;
    case VIEW_FOLDED:
        view_add_folded(text, profile, command->value);
        return;
    case VIEW_SVG:
        view_add_flame_graph(text, profile, command->value);
        return;
    case VIEW_TEXT:
        view_add_functions(text, profile, options);
        return;
    case VIEW_SITES:
        view_add_sites(text, profile, options);
        return;
    case VIEW_LEAKS:
        view_add_leaks(text, profile, options);
        return;
    case VIEW_DIFF:
        view_add_growth(text, base, profile, options);
        return;
    }
}

/* Text goes to standard output, the rest to a file beside the profile. */
static char *output_path(const struct command_line *command)
{
    if (command->output != NULL) {
        return memory_copy_text(command->output);
    }
    if (command->view != VIEW_PPROF && command->view != VIEW_SVG) {
        return memory_copy_text("-");
    }
    struct text path = {.bytes = NULL};
    text_format(&path, "%s%s", command->file, command->view == VIEW_SVG ? ".svg" : ".pb.gz");
    return path.bytes;
}

static bool is_same_file(const char *first, const char *second)
{
    struct stat first_status;
    struct stat second_status;
    return stat(first, &first_status) == 0 && stat(second, &second_status) == 0 &&
           S_ISREG(first_status.st_mode) && first_status.st_dev == second_status.st_dev &&
           first_status.st_ino == second_status.st_ino;
}

static bool would_overwrite_profile(const char *path, const struct command_line *command)
{
    if (is_same_file(path, command->file) ||
        (command->base != NULL && is_same_file(path, command->base))) {
        tell("", path, 0, "is the profile itself; give another file to -o");
        return true;
    }
    return false;
}

static bool show(const struct profile *profile, const struct profile *base,
                 const struct command_line *command)
{
    char *path = output_path(command);
    struct text text = {.bytes = NULL};
    add_view(&text, profile, base, command);
    bool is_written = !would_overwrite_profile(path, command) && output_write(path, &text);
    if (is_written && command->output == NULL && strcmp(path, "-") != 0) {
        fprintf(stderr, "brkmalloc pprof: wrote %s\n", path);
    }
    text_free(&text);
    free(path);
    return is_written;
}

static struct profile_options options_of(const struct command_line *command, bool is_at_peak)
{
    return (struct profile_options){is_at_peak, command->keeps_allocator, command->symbols};
}

static bool show_one(const struct raw_profile *raw, const struct command_line *command)
{
    struct profile profile;
    profile_make(&profile, raw, options_of(command, shows_peak(command, raw, NULL)));
    bool is_done = show(&profile, NULL, command);
    profile_free(&profile);
    return is_done;
}

static bool show_growth(const struct raw_profile *raw, const struct raw_profile *raw_base,
                        const struct command_line *command)
{
    struct profile_options options = options_of(command, shows_peak(command, raw, raw_base));
    struct profile profile;
    struct profile base;
    profile_make(&profile, raw, options);
    profile_make(&base, raw_base, options);
    bool is_done = show(&profile, &base, command);
    profile_free(&profile);
    profile_free(&base);
    return is_done;
}

int main(int count, char **words)
{
    struct command_line command = command_line_read(count, words);
    struct raw_profile raw;
    struct raw_profile base;
    bool is_done = false;
    if (!read_raw(&raw, command.file)) {
        return 1;
    }
    if (command.base == NULL) {
        is_done = show_one(&raw, &command);
    } else if (read_raw(&base, command.base)) {
        is_done = show_growth(&raw, &base, &command);
        raw_profile_free(&base);
    }
    raw_profile_free(&raw);
    return is_done ? 0 : 1;
}
