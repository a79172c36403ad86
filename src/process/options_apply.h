/* SPDX-License-Identifier: MIT
 * Options that the program or the environment has set take effect. */
#ifndef BRKMALLOC_PROCESS_OPTIONS_APPLY_H
#define BRKMALLOC_PROCESS_OPTIONS_APPLY_H

#include "base/base.h"
#include "kit/options.h"

/* After options changed: does what some of them need beyond their value being read. */
void brkm__tune_apply(void);

/* Sets an option in a process that runs; `source`, a constant string, says who did. Returns 0;
 * EPERM for an option that only counts at the start; EINVAL for a value out of range. */
int brkm__tune_set(enum option option, size_t value, const char *source);

#endif
