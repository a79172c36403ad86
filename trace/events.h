/* SPDX-License-Identifier: MIT
 *
 * The calls of all threads in one order, with numbers for blocks in the place of addresses.
 *
 * The order is that of the times. It is the order of the calls wherever that can be told: within a
 * thread always, and between threads where one got a block that the other had freed. */
#ifndef BRKMALLOC_TRACE_EVENTS_H
#define BRKMALLOC_TRACE_EVENTS_H

#include "reader.h"

/* A block while it is live. */
struct block {
    uint64_t address; /* 0: no block */
    uint64_t id;      /* 1, 2, ... in the order in which blocks came to be */
    uint64_t size;
    uint32_t slot; /* free for the use of the caller */
};

struct event {
    unsigned operation; /* no TRACE_THREAD, no TRACE_STACK */
    uint32_t thread;
    uint32_t stack;       /* of the gained block; 0: not known */
    uint64_t nanoseconds; /* since the recording began */
    uint64_t size;
    unsigned alignment_bits;
    uint64_t offset;
    struct block freed;   /* of a free or realloc; without address when it is unknown */
    struct block lost;    /* a block that must have been freed unseen, as its address came again */
    struct block *gained; /* NULL: none; valid until the next call */
};

/* Blocks by address: open addressing, a power of two of places, at most half of them taken. */
struct block_table {
    struct block *blocks;
    size_t capacity;
    size_t count;
};

/* The next record of a lane, and what a realloc whose old block has gone back already is about. */
struct lane_head {
    struct record record;
    struct block realloc_old;
    bool is_half_done;
};

struct events {
    struct trace *trace;
    struct lane_head *heads;
    uint32_t *heap; /* lanes that have a record left, the one with the earliest on top */
    size_t heap_count;
    struct block_table live;
    uint64_t block_count;
    uint64_t unknown_frees; /* of blocks from before the recording, as a forked child has them */
    uint64_t lost_frees;
};

/* Reads the trace, which must be fresh, from its beginning. */
bool events_begin(struct events *events, struct trace *trace, struct problem *problem);
enum reading events_next(struct events *events, struct event *event, struct problem *problem);
void events_end(struct events *events);

#endif
