/* SPDX-License-Identifier: MIT
 * A snapshot of a heap as `brkmalloc ctl PID snapshot` prints it; docs/control.md describes it. */
#ifndef REPORT_HEAP_SNAPSHOT_H
#define REPORT_HEAP_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/reader.h"
#include "call_sites.h"
#include "picture.h"

/* What snapshots of one page may be at most. */
#define SNAPSHOTS_MAX 256

/* Bytes of a core file's path that are kept. */
#define SNAPSHOT_SOURCE_SIZE 4097

/* A block outside of the heap's regions, with what its span does not say. */
struct outside_block {
    uint64_t address; /* of its span */
    uint64_t payload;
    uint64_t usable;
    uint64_t requested; /* 0: not known */
    uint64_t resident;  /* UINT64_MAX: not known */
};

struct outside_blocks {
    struct outside_block *blocks;
    size_t count;
    size_t capacity;
};

struct heap_snapshot {
    char version[32];
    char source[SNAPSHOT_SOURCE_SIZE]; /* the core file that gdb read; "" of a process */
    char detail[8];                    /* "blocks" where each run is a block or a part of one */
    uint64_t process;
    uint64_t page_bytes;
    uint64_t runs_left_out;
    uint64_t interval; /* bytes from sample to sample of those whose call site is known; 0: none */
    uint64_t regions;
    uint64_t bytes[SPAN_KIND_COUNT]; /* sums of the runs */
    uint64_t blocks[SPAN_KIND_COUNT];
    uint64_t largest_free;
    uint64_t break_bytes; /* from the heap's start to the break */
    uint64_t resident;    /* of the regions all but purged and reserved; of the areas as they say */
    bool has_areas;       /* otherwise an earlier release wrote it, and nothing is known of them */
    uint64_t areas_left_out;
    struct outside_blocks outside;
};

void heap_snapshot_free(struct heap_snapshot *snapshot);

/* Bytes and blocks that the program has. */
struct heap_live {
    uint64_t bytes;
    uint64_t blocks;
};

struct heap_live heap_snapshot_live(const struct heap_snapshot *snapshot);

bool heap_snapshot_has_blocks(const struct heap_snapshot *snapshot);

/* Where the runs of a snapshot go. The picture is tiled. */
struct snapshot_place {
    struct picture *picture;
    struct call_sites *sites;
    uint16_t moment; /* at which they are there; with `is_last` all from there on */
    bool is_last;
};

bool heap_snapshot_read(struct heap_snapshot *snapshot, struct snapshot_place place,
                        const unsigned char *bytes, uint64_t length, struct problem *problem);

#endif
