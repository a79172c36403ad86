/* SPDX-License-Identifier: MIT
 * Options that the program or the environment has set take effect. */
#ifndef BRKMALLOC_PROCESS_OPTIONS_APPLY_H
#define BRKMALLOC_PROCESS_OPTIONS_APPLY_H

#include "base/base.h"

/* After options changed: does what some of them need beyond their value being read. */
void brkm__tune_apply(void);

#endif
