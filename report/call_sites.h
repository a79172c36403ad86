/* SPDX-License-Identifier: MIT
 * Call stacks that snapshots have of blocks, each once, whichever snapshots it is in. */
#ifndef REPORT_CALL_SITES_H
#define REPORT_CALL_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "../profile/name_table.h"
#include "../profile/text.h"

/* Numbers of stacks are 1 to this one; 0 is none. */
#define CALL_SITES_MAX UINT16_MAX

struct call_sites {
    struct name_table stacks; /* by number - 1: frames, each "0xADDRESS FILE+0xOFFSET\n" */
    struct name_table builds; /* "BUILD_ID of FILE" */
    uint16_t of_file[CALL_SITES_MAX + 1]; /* numbers by those of the snapshot that is read */
};

/* The next snapshot has numbers of its own. */
void call_sites_begin_file(struct call_sites *sites);

/* A stack of the snapshot, which calls it `number`; false when that is 0 or too large. Where there
 * are too many stacks it is none. */
bool call_sites_add(struct call_sites *sites, uint64_t number, const struct text *frames);

void call_sites_free(struct call_sites *sites);

/* Calls `receive` for each stack, in the order of their numbers, with its frames as people read
 * them, a line for each: functions with file and line, innermost first; or the places in files,
 * where this was built without elfutils. */
void call_sites_each(const struct call_sites *sites,
                     void (*receive)(void *context, const char *lines), void *context);

#endif
