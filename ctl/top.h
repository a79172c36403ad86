/* SPDX-License-Identifier: MIT
 *
 * `brkmalloc top`: the statistics of a process as a table that is drawn again and again. */
#ifndef BRKM_CTL_TOP_H
#define BRKM_CTL_TOP_H

#include <stdbool.h>

#include "process.h"

#define TOP_SECONDS_MIN 0.1
#define TOP_SECONDS_MAX 3600.0

struct top_view {
    double seconds; /* between two looks */
    long count;     /* looks; 0 for no end */
    bool batch;     /* plain text, for scripts, without reading keys */
};

/* Shows until the process ends, `count` looks are over or the user wants no more. */
enum status show_top(const struct process *process, const struct top_view *view);

#endif
