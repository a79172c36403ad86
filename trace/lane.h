/* SPDX-License-Identifier: MIT
 *
 * A lane: a stream of records that one thread at a time writes, without lock and without branches
 * that depend on what is written. */
#ifndef BRKMALLOC_TRACE_LANE_H
#define BRKMALLOC_TRACE_LANE_H

#include <stdint.h>
#include <string.h>

#include "format.h"

struct lane {
    unsigned char *cursor; /* where the next record goes */
    unsigned char *limit;  /* a record may begin below it; NULL: the lane is nobody's */
    struct trace_chunk *window;
    uint64_t ticks;           /* of the last record */
    uint64_t rotated_address; /* of the last record */
    uint32_t slot;            /* the window's number among the file's chunks */
    uint32_t stack;           /* number of the one that the chunk named last; 0: none */
    uint32_t calls_until_clock;
    uint32_t index;
    uint32_t thread; /* whose records come next; 0: none has been named */
    uint32_t next_idle;
};

/* Of a stack's record and the longest one behind it, with what is written behind its end. */
_Static_assert(sizeof(uint16_t) + sizeof(uint32_t) + TRACE_RECORD_MAX + sizeof(uint64_t) <=
                   TRACE_RECORD_SLACK,
               "a lane with room has it for a stack and a call");

/* What one record says. */
struct call {
    unsigned operation;
    uint64_t ticks;
    uint64_t address;
    uint64_t size;
    unsigned alignment_bits; /* logarithm of the alignment, for operations that have one */
    uint64_t old_address;    /* of realloc, with the ticks that it took */
    uint64_t duration;
};

static inline unsigned char *lane_records(const struct lane *lane)
{
    return (unsigned char *)(lane->window + 1);
}

/* Writes the value's bytes that are not leading zeros, at least one, and how many into `counts` at
 * `place`. */
static inline unsigned char *lane_put(unsigned char *at, uint64_t value, unsigned *counts,
                                      unsigned place)
{
    unsigned highest_bit = (unsigned)__builtin_clzll(value | 1) ^ 63;
    unsigned bytes = (highest_bit + 8) / 8;
    memcpy(at, &value, sizeof(value));
    *counts |= bytes << place;
    return at + bytes;
}

/* The same for what often is 0, which takes no byte. */
static inline unsigned char *lane_put_unless_zero(unsigned char *at, uint64_t value,
                                                  unsigned *counts, unsigned place)
{
    return value == 0 ? at : lane_put(at, value, counts, place);
}

/* Names the stack of the allocations that follow. Needs a lane with room, and leaves some for one
 * more record: this one is short, as the number is. */
static inline void lane_write_stack(struct lane *lane, uint32_t number)
{
    if (number == lane->stack) {
        return;
    }
    unsigned counts = TRACE_STACK;
    unsigned char *at = lane_put(lane->cursor + sizeof(uint16_t), number, &counts, 12);
    uint16_t tag = (uint16_t)counts;
    memcpy(lane->cursor, &tag, sizeof(tag));
    lane->cursor = at;
    lane->stack = number;
    __atomic_store_n(&lane->window->used, (uint32_t)(at - lane_records(lane)), __ATOMIC_RELEASE);
}

/* Needs a lane with room. The record counts once the last store is done. Always inlined, so that
 * what a record of this kind does not have costs nothing. */
static inline __attribute__((always_inline)) void lane_write(struct lane *lane, struct call call)
{
    unsigned char *start = lane->cursor;
    unsigned char *at = start + sizeof(uint16_t);
    unsigned char *second = at;
    if (trace_has_alignment(call.operation)) {
        *second = (unsigned char)call.alignment_bits;
        at++;
    } else if (call.operation == TRACE_REALLOC) {
        at++;
    }
    uint64_t rotated = trace_rotate_address(call.address);
    uint64_t elapsed = call.ticks > lane->ticks ? call.ticks - lane->ticks : 0;
    unsigned counts = call.operation;
    at = lane_put_unless_zero(at, elapsed, &counts, 4); /* rarely 0 with threads, often without */
    at = lane_put(at, trace_zigzag(rotated - lane->rotated_address), &counts, 8);
    if (trace_has_size(call.operation)) {
        at = lane_put(at, call.size, &counts, 12);
    }
    if (call.operation == TRACE_REALLOC) {
        unsigned more = 0;
        uint64_t moved = trace_zigzag(trace_rotate_address(call.old_address) - rotated);
        at = lane_put_unless_zero(at, moved, &more, 0);
        at = lane_put_unless_zero(at, call.duration, &more, 4);
        *second = (unsigned char)more;
    }
    uint16_t tag = (uint16_t)counts;
    memcpy(start, &tag, sizeof(tag));
    lane->ticks += elapsed;
    lane->rotated_address = rotated;
    lane->cursor = at;
    __atomic_store_n(&lane->window->used, (uint32_t)(at - lane_records(lane)), __ATOMIC_RELEASE);
}

#endif
