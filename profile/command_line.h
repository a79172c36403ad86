/* SPDX-License-Identifier: MIT
 * The command line of `brkmalloc pprof`. */
#ifndef PROFILE_COMMAND_LINE_H
#define PROFILE_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "profile.h"

enum view { VIEW_PPROF, VIEW_FOLDED, VIEW_SVG, VIEW_TEXT, VIEW_SITES, VIEW_LEAKS, VIEW_DIFF };

/* When something counts as in use: unless the user says so, at the peak in profiles that were
 * written at exit, where little is in use, but for leaks. */
enum moment { MOMENT_BY_PROFILE, MOMENT_PEAK, MOMENT_WRITING };

struct command_line {
    enum view view;
    enum profile_value value;
    size_t row_count; /* SIZE_MAX: all */
    enum moment moment;
    bool keeps_allocator;
    const char *symbols; /* folder with files by build id, or NULL */
    const char *output;  /* NULL: the view's own place */
    const char *base;    /* of VIEW_DIFF, otherwise NULL */
    const char *file;
};

/* Ends the program with status 2 and a message when the words are wrong, with 0 after --help. */
struct command_line command_line_read(int count, char **words);

#endif
