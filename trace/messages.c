/* SPDX-License-Identifier: MIT
 * See messages.h. */
#include "messages.h"

#include <inttypes.h>
#include <stdio.h>

#include "input.h"

int tell_usage(const char *usage, const char *problem, const char *about)
{
    fprintf(stderr, "%s: %s%s\n%s", program_name, problem, about, usage);
    return STATUS_USAGE;
}

int tell_problem(const char *path, const struct problem *problem)
{
    if (problem->offset == INPUT_NO_OFFSET) {
        fprintf(stderr, "%s: %s: %s\n", program_name, path, problem->text);
    } else {
        fprintf(stderr, "%s: %s: at offset %" PRIu64 ": %s\n", program_name, path, problem->offset,
                problem->text);
    }
    return STATUS_FAILED;
}
