/* SPDX-License-Identifier: MIT
 *
 * The call stacks that a trace has, and the objects (programs and libraries) that their addresses
 * lay in. Both are numbered from 1 in the order in which they stand in the file. */
#ifndef BRKMALLOC_TRACE_STACK_LIST_H
#define BRKMALLOC_TRACE_STACK_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "problem.h"

/* Path and build id lie in the trace, and end with no zero. */
struct trace_object {
    uint64_t start;
    uint64_t end;
    uint64_t link_start; /* what its own tables call `start` */
    uint64_t inode;      /* of the file; 0 when it is not known, like the next three */
    uint64_t size;
    uint64_t changed;
    uint64_t changed_nanos;
    const unsigned char *build_id;
    size_t build_id_length; /* 0 when it has none */
    const char *path;
    size_t path_length; /* 0 when it is not known */
};

/* A return address and the number of the object that it lay in; 0: in none. */
struct trace_frame {
    uint64_t address;
    uint32_t object;
};

struct stack_list {
    struct trace_object *objects; /* by number - 1 */
    size_t object_count;
    size_t object_capacity;
    const unsigned char **stacks; /* their records, by number - 1 */
    size_t stack_count;
    size_t stack_capacity;
};

/* Adds the records from one offset of the file to another. Each is checked. */
bool stack_list_add(struct stack_list *list, const unsigned char *file, uint64_t from, uint64_t to,
                    struct problem *problem);

/* The frames of a stack of the list, innermost first; how many. */
size_t stack_list_frames(const struct stack_list *list, uint32_t number,
                         struct trace_frame frames[TRACE_DEPTH_MAX]);

void stack_list_free(struct stack_list *list);

#endif
