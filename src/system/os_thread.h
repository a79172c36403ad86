/* SPDX-License-Identifier: MIT
 * What the allocator's own thread asks of the system. As in os.h, no function changes
 * errno, and tests replace os_thread_linux.c by a fake. */
#ifndef BRKMALLOC_SYSTEM_OS_THREAD_H
#define BRKMALLOC_SYSTEM_OS_THREAD_H

#include "base/base.h"

/* Registers handlers of fork, as pthread_atfork. */
void brkm__os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* Runs `run` in a thread of its own, named "brkmalloc", detached, with a small stack and with all
 * signals blocked; they are as in the calling thread again when `run` has returned. Allocates, so
 * no lock may be held. Does not wait for the thread. */
bool brkm__os_start_thread(void (*run)(void));

/* Sleeps while *word == expected, at most that long (UINT64_MAX: for ever); may wake up for no
 * reason. */
void brkm__os_wait_at_most(uint32_t *word, uint32_t expected, uint64_t milliseconds);

/* Wakes the sleeper of brkm__os_wait_at_most. */
void brkm__os_wake(uint32_t *word);

/* True in the thread that the process began with. */
bool brkm__os_is_first_thread(void);

/* True when every other thread of the process has ended; false where that cannot be told. */
bool brkm__os_is_last_thread(void);

#endif
