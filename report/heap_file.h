/* SPDX-License-Identifier: MIT
 * What kind a file is. */
#ifndef REPORT_HEAP_FILE_H
#define REPORT_HEAP_FILE_H

#include <stdbool.h>

#include "../trace/input.h"

bool heap_file_is_trace(const struct input *input);
bool heap_file_is_profile(const struct input *input);

/* Whether it is a trace or a heap profile, or may be a snapshot; if not, the problem says what it
 * is. */
bool heap_file_is_known(const struct input *input, struct problem *problem);

#endif
