/* SPDX-License-Identifier: MIT
 * What answers in JSON share. */
#ifndef BRKMALLOC_STATS_JSON_H
#define BRKMALLOC_STATS_JSON_H

#include "base/base.h"
#include "kit/text.h"

/* Adds `before`, then "key":number. */
void brkm__json_add_member(struct writer *writer, const char *before, const char *key,
                           uint64_t number);

/* Adds up to `most` frames of a note's stack, or builds of their files, as strings with commas in
 * between; what is no plain letter is a question mark. There is a recorder. */
void brkm__json_add_frames(struct writer *writer, const void *stack, size_t most);
void brkm__json_add_builds(struct writer *writer, const void *stack, size_t most);

#endif
