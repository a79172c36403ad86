/* SPDX-License-Identifier: MIT
 * What the map shows: the picture of a trace or a snapshot. */
#ifndef REPORT_MAP_FILE_H
#define REPORT_MAP_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/input.h"
#include "map_sites.h"
#include "picture.h"

struct map_file {
    struct picture picture;
    bool is_trace;
    uint32_t moments;
    uint32_t peak; /* the moment with most live bytes */
    double seconds[PICTURE_MOMENTS_MAX];
    uint64_t live_bytes[PICTURE_MOMENTS_MAX]; /* requested, or used */
    struct map_sites sites;
};

/* A heap profile has no picture, which is a problem. Call sites take time to be named: they are
 * there where they are wanted. map_file_free is allowed after a failure, too. */
bool map_file_read(struct map_file *file, const struct input *input, bool wants_sites,
                   struct problem *problem);
void map_file_free(struct map_file *file);

#endif
