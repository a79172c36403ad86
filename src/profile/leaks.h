/* SPDX-License-Identifier: MIT
 * What the program still has in use when it exits, by the stacks that asked for it. */
#ifndef BRKMALLOC_PROFILE_LEAKS_H
#define BRKMALLOC_PROFILE_LEAKS_H

#include "base/base.h"

/* Reports it on standard error, the most bytes first; nothing when there is nothing. Left out is
 * what stays for good reason: what the loader and the constructors of libraries took, and the
 * buffers of standard streams. True when there was something. */
bool brkm__leaks_report(void);

#endif
