/* SPDX-License-Identifier: MIT
 * A trace's call stacks as people read them. */
#ifndef BRKMALLOC_TRACE_STACK_NAMES_H
#define BRKMALLOC_TRACE_STACK_NAMES_H

#include "stack_list.h"

/* Who is given the lines of a stack, each with its newline. */
typedef void stack_names_receive(void *context, uint32_t number, const char *lines);

/* Gives each stack, in the order of their numbers: functions with file and line, innermost first,
 * without the allocator's own; or the places in files, where this was built without elfutils. Ends
 * the program with a message when memory is short. */
void stack_names_each(const struct stack_list *list, stack_names_receive receive, void *context);

#endif
