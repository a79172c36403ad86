/* SPDX-License-Identifier: MIT
 * What kind a file is; and the picture of one that has it, a trace or a snapshot. */
#ifndef REPORT_HEAP_FILE_H
#define REPORT_HEAP_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/input.h"
#include "picture.h"

bool heap_file_is_trace(const struct input *input);
bool heap_file_is_profile(const struct input *input);

/* Whether it is a trace or a heap profile, or may be a snapshot; if not, the problem says what it
 * is. */
bool heap_file_is_known(const struct input *input, struct problem *problem);

struct heap_file {
    struct picture picture;
    bool is_trace;
    uint32_t moments;
    uint32_t peak; /* the moment with most live bytes */
    double seconds[PICTURE_MOMENTS_MAX];
    uint64_t live_bytes[PICTURE_MOMENTS_MAX]; /* requested, or used */
};

/* A heap profile has no picture, which is a problem. heap_file_free is allowed after a failure,
 * too. */
bool heap_file_read(struct heap_file *file, const struct input *input, struct problem *problem);
void heap_file_free(struct heap_file *file);

#endif
