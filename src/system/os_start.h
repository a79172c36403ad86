/* SPDX-License-Identifier: MIT
 * While the loader is at work: it calls code of the program's (resolvers of indirect functions)
 * before every library is relocated, and a static program's before there is any thread-local
 * storage. */
#ifndef BRKMALLOC_SYSTEM_OS_START_H
#define BRKMALLOC_SYSTEM_OS_START_H

#include "base/base.h"

/* False while this code is not relocated, or nothing thread-local can be read: errno cannot, and
 * libc cannot be called. Needs neither itself. */
bool brkm__os_is_loaded(void);

/* Ends the process with `text` on standard error; may be called while that is false. */
_Noreturn BRKM_COLD void brkm__os_end_unloaded(const char *text, size_t length);

#endif
