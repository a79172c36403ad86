/* SPDX-License-Identifier: MIT
 * Says which block an access was meant for that hit a guard, and who allocated and freed
 * it: blocks of guarded.h, mapped.h between guard pages or retired, and zero_size.h. */
#ifndef BRKMALLOC_GUARD_EXPLAIN_H
#define BRKMALLOC_GUARD_EXPLAIN_H

#include "kit/report.h"
#include "system/os_fault.h"

/* From now on faults are explained, unless the option explain_faults is off. Called by the
 * constructor. */
void brkm__explain_faults(void);

/* Explains one fault, the first of the process; false when the address is none of ours. For a
 * signal handler: takes no lock for long, and nothing from the heap. */
bool brkm__explain_fault(const struct os_fault *fault);

/* In the child of a fork, whose own first fault is explained again, whatever other threads of the
 * parent were explaining. Does what is left to do where the system wipes no page; elsewhere it goes
 * without, also after a fork that runs no handlers. */
void brkm__explain_after_fork(void);

/* Says who allocated and freed the guarded block near `address`, when there is one. */
void brkm__explain_owners(const void *address);

#endif
