/* SPDX-License-Identifier: MIT
 * What is wrong with a file, and where. */
#ifndef BRKMALLOC_TRACE_PROBLEM_H
#define BRKMALLOC_TRACE_PROBLEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct problem {
    uint64_t offset;
    char text[200];
};

/* Says what is wrong at that place of the file. False, for who returns it. */
static inline __attribute__((format(printf, 3, 4))) bool
problem_tell(struct problem *problem, uint64_t offset, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    problem->offset = offset;
    vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    return false;
}

#endif
