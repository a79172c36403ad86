/* SPDX-License-Identifier: MIT
 * See heap_file.h. */
#include "heap_file.h"

#include <stdio.h>
#include <string.h>

#define PROFILE_MAGIC "brkmalloc heap profile"

bool heap_file_is_trace(const struct input *input)
{
    return input->length >= strlen(TRACE_MAGIC) &&
           memcmp(input->bytes, TRACE_MAGIC, strlen(TRACE_MAGIC)) == 0;
}

bool heap_file_is_profile(const struct input *input)
{
    return input->length >= strlen(PROFILE_MAGIC) &&
           memcmp(input->bytes, PROFILE_MAGIC, strlen(PROFILE_MAGIC)) == 0;
}

static bool is_snapshot(const struct input *input)
{
    uint64_t at = 0;
    while (at < input->length && strchr(" \t\r\n", input->bytes[at]) != NULL &&
           input->bytes[at] != '\0') {
        at++;
    }
    return at < input->length && input->bytes[at] == '{';
}

bool heap_file_is_known(const struct input *input, struct problem *problem)
{
    if (heap_file_is_trace(input) || heap_file_is_profile(input) || is_snapshot(input)) {
        return true;
    }
    problem->offset = 0;
    snprintf(problem->text, sizeof(problem->text), "%s",
             input->length == 0 ? "the file is empty"
                                : "this is neither a trace nor a snapshot or profile of a heap");
    return false;
}
