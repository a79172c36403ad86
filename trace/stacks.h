/* SPDX-License-Identifier: MIT
 *
 * The call stacks of a recording: each gets a number and is written down once, in the form that
 * docs/trace-format.md describes. A stack is known by its addresses and by the objects (programs
 * and libraries) that they lie in.
 *
 * A table finds it by a sum of its addresses, without a lock; two stacks with the same 64 bits
 * would count as one. What a number stands for is looked at anew after an object was unloaded,
 * since the addresses may be another's then. */
#ifndef BRKMALLOC_TRACE_STACKS_H
#define BRKMALLOC_TRACE_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"

/* The recorder's own functions between the program and what looks at the stack, at most. */
#define STACKS_OWN_FRAMES_MAX 16

struct stack {
    void **frames; /* within `all`, innermost first */
    size_t depth;
    uint64_t sum; /* of the addresses; not 0 */
    void *all[TRACE_DEPTH_MAX + STACKS_OWN_FRAMES_MAX];
};

/* All zero at first. Written under the session's lock, read without. */
struct stack_table {
    struct stack_places *places; /* release when it is replaced, acquire: find */
    uint32_t count;              /* of stacks */
    uint32_t objects_written;
};

/* Writes bytes behind those of the last call; false when there is no room, now and from then on. */
typedef bool stacks_write(const unsigned char *record, size_t length);

/* The calling thread's stack, without the recorder's own frames. */
void stacks_take(struct stack *stack, size_t depth);

/* Its number; 0: it is not in the table, or must be looked at under the lock. */
uint32_t stacks_find(const struct stack_table *table, const struct stack *stack);

/* Under the session's lock: its number, new or old; 0 where there is no room. Only for the calling
 * thread's own stack, which keeps its objects loaded. */
uint32_t stacks_add(struct stack_table *table, const struct stack *stack, stacks_write write);

/* From now on objects may be others than they were. */
void stacks_doubt(void);

/* A recording begins, under the session's lock; in the child of a fork all begins anew. */
void stacks_begin(void);

#endif
