/* SPDX-License-Identifier: MIT
 * Where results go. */
#ifndef PROFILE_OUTPUT_H
#define PROFILE_OUTPUT_H

#include <stdbool.h>

#include "text.h"

/* Writes to the file, or to standard output when `path` is "-". A file that was there is replaced
 * when all has been written. False after a message on standard error. */
bool output_write(const char *path, const struct text *content);

/* Compresses the text in place as gzip does, the same on every run. */
void output_compress(struct text *text);

#endif
