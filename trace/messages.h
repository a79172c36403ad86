/* SPDX-License-Identifier: MIT
 * What the commands that read traces and snapshots say on standard error, and their exit status. */
#ifndef TRACE_MESSAGES_H
#define TRACE_MESSAGES_H

#include "reader.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2

/* As messages call the command; the command defines it. */
extern const char program_name[];

/* Tells what is wrong with the arguments, and the usage. Returns STATUS_USAGE. */
int tell_usage(const char *usage, const char *problem, const char *about);

/* Tells what is wrong with a file, and where. Returns STATUS_FAILED. */
int tell_problem(const char *path, const struct problem *problem);

#endif
