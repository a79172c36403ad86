/* SPDX-License-Identifier: MIT
 * The options as the environment sets them: BRKMALLOC="key:value,key:value", the file that
 * BRKMALLOC_CONF names, and glibc's own variables where they mean something here. */
#ifndef BRKMALLOC_KIT_OPTIONS_READ_H
#define BRKMALLOC_KIT_OPTIONS_READ_H

#include "base/base.h"
#include "kit/options.h"
#include "kit/report.h"

/* Reads everything, once, in the constructor: BRKMALLOC counts most, then the file, GLIBC_TUNABLES
 * and the MALLOC_ variables. Bad keys and values are named on standard error and have no effect;
 * the rest has. A set-user-id program takes from BRKMALLOC what is marked as safe, and nothing
 * else. */
void brkm__environment_read(void);

/* Reads a value as the option takes it in the environment. False when the text is no such value:
 * *remedy, empty until then, says what the option takes. */
bool brkm__environment_parse(enum option option, const char *text, size_t length, size_t *value,
                             struct line *remedy);

/* Adds "key:value (source)", as the option stands. */
void brkm__environment_add_setting(struct line *line, enum option option);

/* Prints the settings in force to standard error. */
void brkm__environment_confirm(void);

#endif
