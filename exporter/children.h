/* SPDX-License-Identifier: MIT
 *
 * Programs that are run with a time limit each, several side by side. They are asked in processes
 * of their own so that one that hangs can be ended. */
#ifndef BRKM_EXPORTER_CHILDREN_H
#define BRKM_EXPORTER_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../profile/text.h"

/* Words of a command line, its NULL included. */
#define CHILD_WORDS 9

/* Children of one call that run at a time. */
#define CHILDREN_AT_ONCE 64

struct child {
    const char *words[CHILD_WORDS]; /* the first is the program's path */
    long limit_ms;                  /* from its start */
    int input;                      /* a file that it reads; below 0 for none */

    /* What comes of it; the files are in memory. */
    bool is_late; /* it took longer, and was ended */
    int status;   /* its exit status; -1 when a signal ended it, or it could not be started */
    int output, errors;

    /* While it runs. */
    pid_t process;
    int descriptor;
    long deadline;
};

/* Gets the children ready, to be filled in; frees what children_run left. */
void children_open(struct child *children, size_t count);
void children_close(struct child *children, size_t count);

/* Runs them all; returns when all have ended. */
void children_run(struct child *children, size_t count);

/* All that was printed to such a file; the text is freed by the caller. */
struct text child_text(int file);

/* Called once at first; and at the end: children that run are asked to end, and no others start. */
bool children_begin(void);
void children_end(void);

#endif
