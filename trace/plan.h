/* SPDX-License-Identifier: MIT
 *
 * A plan: what each thread of a replay does, worked out beforehand, so that the replay itself needs
 * neither parsing nor tables of addresses. It lies in a file without a name that the process which
 * reads the trace hands to the process which replays it: so the first one's memory is not there
 * when the second one's is measured, and the plan is shared memory there, which is told apart from
 * what the allocator has.
 *
 * Threads keep their own order. Between threads two things are kept: a block is freed or resized
 * after it was allocated, and events are cut into epochs of equal numbers, of which a thread begins
 * one only when all threads are done with the one before the last (or with the last, for an exact
 * order). */
#ifndef BRKMALLOC_TRACE_PLAN_H
#define BRKMALLOC_TRACE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "reader.h"

#define PLAN_MAGIC 0x6e616c706d6b7262u /* "brkmplan" */

/* Events of an epoch: few enough that live memory stays close to the program's, many enough that
 * waiting is rare. */
#define PLAN_EPOCH_EVENTS 1024

enum step_kind {
    STEP_MALLOC,
    STEP_CALLOC,
    STEP_ALIGNED_ALLOC,
    STEP_MEMALIGN,
    STEP_POSIX_MEMALIGN,
    STEP_VALLOC,
    STEP_PVALLOC,
    STEP_REALLOC,
    STEP_FREE,
    STEP_FREE_SIZED,
    STEP_FREE_ALIGNED_SIZED,
    STEP_EPOCH,  /* `size` events of epoch `old_slot` are done, those of epoch `slot` begin */
    STEP_THREAD, /* start thread number `slot` */
    STEP_SAMPLE, /* take sample number `slot` */
    STEP_LINK,   /* go on with segment number `slot` */
    STEP_END,
};

#define STEP_SIZE_BITS 48

struct step {
    uint64_t size : STEP_SIZE_BITS;
    uint64_t kind : 8;
    uint64_t alignment_bits : 8;
    uint32_t slot;
    uint32_t old_slot; /* of a realloc: the block that is resized */
};

#define STEP_SIZE_MAX (((uint64_t)1 << STEP_SIZE_BITS) - 1)

_Static_assert(sizeof(struct step) == 16, "four steps to a cache line");

#define PLAN_NO_SLOT UINT32_MAX

/* Steps of a thread lie in segments of so many; the last of each is STEP_LINK. */
#define PLAN_SEGMENT_STEPS 1024
#define PLAN_SEGMENT_BYTES (PLAN_SEGMENT_STEPS * sizeof(struct step))

enum touch { TOUCH_ALL, TOUCH_FIRST, TOUCH_NONE };

struct plan_settings {
    uint32_t samples; /* about so many, and the peaks; 0: neither */
    bool is_exact;    /* one event at a time, in the trace's order */
    enum touch touch;
    bool watches_heap;           /* also measure what brkmalloc knows of its heap */
    uint32_t quiet_milliseconds; /* after everything was freed, before what is left is measured */
    uint64_t memory_max;         /* bytes; a trace that needs more is refused */
    int addresses; /* descriptor of a file for the addresses of all blocks in the order in which
                      they come to be, 64 bits each, which needs is_exact; below 0: none */
};

/* One point of the curves. */
struct plan_sample {
    uint64_t event;       /* events before it */
    uint64_t nanoseconds; /* in the recorded program's time */
    uint64_t live_bytes;
    uint64_t is_peak; /* to be measured exactly */
};

/* At the beginning of the file; one segment's bytes are set aside for it. */
struct plan_header {
    uint64_t magic;
    uint64_t event_count;
    uint64_t epoch_count;
    uint64_t segment_count;
    uint64_t thread_offset; /* in the file: the number of each thread's first segment, 32 bits */
    uint64_t thread_count;
    uint64_t sample_offset; /* struct plan_sample each */
    uint64_t sample_count;
    uint64_t slot_count;
    uint64_t epoch_events;
    uint64_t epochs_ahead; /* how many epochs may be under way at a time */
    uint64_t touch;
    uint64_t watches_heap;
    uint64_t quiet_milliseconds;
    int64_t addresses;
    uint64_t block_count; /* that the trace allocates, resized ones anew */
    /* What the trace says of the program. */
    uint64_t allocations;
    uint64_t frees;
    uint64_t reallocations;
    uint64_t peak_live_bytes;
    uint64_t peak_live_blocks;
    uint64_t end_live_bytes;
    uint64_t end_live_blocks;
    uint64_t allocated_bytes;
    uint64_t unknown_frees;
    uint64_t lost_frees;
    uint64_t recorded_nanoseconds;
};

/* Writes the plan for a fresh trace to an empty file. On failure the problem is set; an offset of
 * PLAN_NO_OFFSET says that it is none of the trace. */
bool plan_write(struct trace *trace, const struct plan_settings *settings, int descriptor,
                struct problem *problem);

#define PLAN_NO_OFFSET UINT64_MAX

#endif
