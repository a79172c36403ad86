/* SPDX-License-Identifier: MIT
 *
 * Reads JSON value by value, in the order in which it stands. What is wrong is told once, with its
 * offset; after that nothing is read any more. */
#ifndef REPORT_JSON_READER_H
#define REPORT_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../trace/reader.h"

struct json {
    const unsigned char *bytes;
    uint64_t length;
    uint64_t at;
    bool failed;
    struct problem *problem;
};

/* Says what is wrong here, unless something was before. Always false. */
__attribute__((format(printf, 2, 3))) bool json_wrong(struct json *json, const char *format, ...);

/* Takes the character, after blanks. */
bool json_take(struct json *json, char wanted);

/* For the members of an array or object that was opened: whether there is another. Takes the comma
 * before it, or the closing bracket. `is_first` is for the loop's own use, true at its start. */
bool json_next(struct json *json, char closing, bool *is_first);

/* A string without escapes, cut to `size` - 1 bytes. */
bool json_string(struct json *json, char *string, size_t size);

/* A string and the colon behind it. */
bool json_name(struct json *json, char *name, size_t size);

/* A whole number from 0 to 2^64 - 1. */
bool json_number(struct json *json, uint64_t *number);

/* Passes by any value. */
bool json_skip(struct json *json);

/* Nothing but blanks may follow. */
bool json_end(struct json *json);

#endif
