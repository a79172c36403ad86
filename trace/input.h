/* SPDX-License-Identifier: MIT
 *
 * The bytes of a trace file, plain or compressed by zstd. */
#ifndef BRKMALLOC_TRACE_INPUT_H
#define BRKMALLOC_TRACE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "reader.h"

struct input {
    const unsigned char *bytes; /* mapped */
    uint64_t length;
};

/* What is compressed is unpacked into a temporary file. An offset of INPUT_NO_OFFSET says that the
 * problem is none of the file's contents. */
bool input_open(struct input *input, const char *path, struct problem *problem);
void input_close(struct input *input);

#define INPUT_NO_OFFSET UINT64_MAX

/* A file without a name in $TMPDIR; negative on failure. */
int input_temporary_file(void);

#endif
