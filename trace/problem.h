/* SPDX-License-Identifier: MIT
 * What is wrong with a file, and where. */
#ifndef BRKMALLOC_TRACE_PROBLEM_H
#define BRKMALLOC_TRACE_PROBLEM_H

#include <stdint.h>

struct problem {
    uint64_t offset;
    char text[200];
};

#endif
