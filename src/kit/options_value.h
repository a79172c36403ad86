/* SPDX-License-Identifier: MIT
 * Values of options as text, and where in the environment they come from. */
#ifndef BRKMALLOC_KIT_OPTIONS_VALUE_H
#define BRKMALLOC_KIT_OPTIONS_VALUE_H

#include "kit/options.h"
#include "kit/report.h"
#include "kit/span.h"

/* ---- Reading ---- */

/* Reads a value as the option takes it in the environment. False when the text is no such value, or
 * a larger one than the option takes: *remedy, empty until then, says what it takes. */
bool brkm__option_parse(enum option option, struct span text, size_t *value, struct line *remedy);

/* Digits in a base, SIZE_MAX where they are too many; false when there is something else. */
bool span_to_number(struct span text, unsigned base, size_t *value);

/* Adds "it is too large, the largest is ...". */
void brkm__option_add_too_large(struct line *line, enum option option);

/* ---- Writing ---- */

/* Adds "key:value (source)", as the option stands. */
void brkm__option_add_setting(struct line *line, enum option option);

/* Adds a value of the option: a word or a number. */
void brkm__option_add_value(struct line *line, enum option option, size_t value);

/* The same, sizes as people write them: with k, m or g where nothing is lost. */
void brkm__option_add_readable(struct line *line, enum option option, size_t value);

/* ---- Where from ---- */

struct origin {
    const char *variable;
    const char *path; /* of the file that the variable names, or NULL */
    unsigned line;    /* in it, from 1 on */
};

/* Remembers where the environment set an option. Until the constructor is done: the path is the
 * environment's. */
void brkm__option_note_origin(enum option option, struct origin origin);
struct origin brkm__option_origin(enum option option);

/* Prints "brkmalloc: FILE:LINE: WHAT "ABOUT" has no effect; REMEDY", with the variable where there
 * is no file. */
void brkm__option_complain(struct origin origin, const char *what, struct span about,
                           const char *remedy);

#endif
