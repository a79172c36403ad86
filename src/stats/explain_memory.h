/* SPDX-License-Identifier: MIT
 * Where memory goes (shares.h), as text for people and as JSON. */
#ifndef BRKMALLOC_STATS_EXPLAIN_MEMORY_H
#define BRKMALLOC_STATS_EXPLAIN_MEMORY_H

#include "base/base.h"
#include "brkmalloc/brkmalloc.h"

/* As brkm_explain_memory, to a function; NULL for standard error. */
int brkm__explain_memory(brkm_writer write, void *context, int flags);

#endif
