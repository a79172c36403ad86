/* SPDX-License-Identifier: MIT
 * Every lock of the allocator, for what a fork does with all of them. */
#ifndef BRKMALLOC_PROCESS_LOCKS_H
#define BRKMALLOC_PROCESS_LOCKS_H

#include "kit/lock.h"

struct lock_row {
    struct lock *lock;
    /* Puts in order what the lock guards, in the child of a fork that ran no handlers while another
     * thread held it. NULL where that is whole at any moment: then each change to it is one store,
     * and what other stores prepared is lost. */
    void (*settle)(void);
};

/* Calls `act` for each of them, in the order in which fork takes them. */
void brkm__locks_each(void (*act)(const struct lock_row *row));

#endif
