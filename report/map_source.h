/* SPDX-License-Identifier: MIT
 * Where a map comes from: a file; or a process, whose next snapshot can be taken, by asking it as
 * `brkmalloc ctl` does. */
#ifndef REPORT_MAP_SOURCE_H
#define REPORT_MAP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "map_file.h"

#define MAP_SOURCE_PROBLEM_SIZE 256

struct map_source {
    const char *path;
    const char *asker;   /* the program brkmalloc-ctl; NULL of a file that stays as it is */
    const char *process; /* its number; a next snapshot goes to `path` */
    uint64_t seconds;    /* from one snapshot to the next; 0: when that is wanted */
    bool wants_sites;
    struct map_file files[2]; /* the one that is shown, and the other */
    unsigned current;
    char problem[MAP_SOURCE_PROBLEM_SIZE]; /* why there is no next snapshot; "" */
};

static inline const struct map_file *map_source_file(const struct map_source *source)
{
    return &source->files[source->current];
}

/* Reads the file at first; the exit status, after a message where it is not 0. */
int map_source_open(struct map_source *source);

/* Takes the next snapshot. False with `problem` set, and the one before stays. */
bool map_source_renew(struct map_source *source);

void map_source_free(struct map_source *source);

#endif
