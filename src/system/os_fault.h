/* SPDX-License-Identifier: MIT
 * Accesses that the processor refused: SIGSEGV and SIGBUS, between the system and the
 * handlers of the program. */
#ifndef BRKMALLOC_SYSTEM_OS_FAULT_H
#define BRKMALLOC_SYSTEM_OS_FAULT_H

#include "base/base.h"

enum os_access { OS_ACCESS_UNKNOWN, OS_ACCESS_READ, OS_ACCESS_WRITE };

struct os_fault {
    const void *address;
    const void *instruction; /* NULL where it is not known */
    enum os_access access;
    bool has_stack; /* there are some KiB of stack left */
};

/* Calls `explain` in a signal handler for each fault of any thread, until it has explained one by
 * returning true; it may only do what a signal handler may. What was in force before then comes
 * back into force, and the instruction faults again: by default the process ends there, with the
 * registers as they were. A fault that is not explained goes to the handler that was in force
 * before, as if there were no other. */
void brkm__os_catch_faults(bool (*explain)(const struct os_fault *fault));

#endif
