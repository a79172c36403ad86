/* SPDX-License-Identifier: MIT
 * How much was requested through each call stack. */
#ifndef BRKMALLOC_TRACE_STACK_WEIGHTS_H
#define BRKMALLOC_TRACE_STACK_WEIGHTS_H

#include "reader.h"

/* Adds the bytes of each allocation to its stack's number in `weights`, which has one more than
 * there are stacks. Reads the trace, which must be fresh, to its end. */
bool stack_weights_add(uint64_t *weights, const struct trace *trace, struct problem *problem);

#endif
