/* SPDX-License-Identifier: MIT
 * Threads and forks: the only calls of pthread functions. As in os.h, no function changes errno. */
#ifndef BRKMALLOC_SYSTEM_OS_THREAD_H
#define BRKMALLOC_SYSTEM_OS_THREAD_H

#include "base/base.h"

/* libc's own flag, from glibc 2.32 on. Other systems have none: its address is then NULL. */
extern char __libc_single_threaded __attribute__((weak));

/* True while libc knows that no second thread exists. Inline, since every lock asks. */
static inline bool os_is_single_threaded(void)
{
    return &__libc_single_threaded != NULL && __libc_single_threaded != 0;
}

/* ---- Sleeping ---- */

/* Sleeps while *word == expected; may wake up for no reason, and does after a signal. */
void brkm__os_wait(uint32_t *word, uint32_t expected);

/* The same, at most that long (UINT64_MAX: for ever), and not ended by a signal. */
void brkm__os_wait_at_most(uint32_t *word, uint32_t expected, uint64_t milliseconds);

void brkm__os_wake_one(uint32_t *word);

/* ---- Cancellation ---- */

/* What the program's code, which is called in between, makes of cancellation points has no effect
 * until brkm__os_let_cancellation, which takes what this returned. */
int brkm__os_hold_cancellation(void);
void brkm__os_let_cancellation(int held);

/* ---- The end of threads ---- */

/* Calls `end` in each thread that ends, with the value that it set, until it sets none; a thread
 * may set one again there. The key is valid once that returned true. */
struct os_thread_end {
    unsigned key;
    bool valid;
};

bool brkm__os_watch_ends(struct os_thread_end *ends, void (*end)(void *value));
void brkm__os_set_at_end(const struct os_thread_end *ends, const void *value);

/* A number that no other thread of the process has, and debuggers know it by. */
uintptr_t brkm__os_thread_handle(void);

/* ---- Forks ---- */

/* Registers handlers of fork, as pthread_atfork. */
void brkm__os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* glibc's lock on the list of streams, recursive; other libcs have none. fork takes it after all
 * prepare handlers have run. A thread in fflush(NULL) holds it and waits for a stream whose owner
 * may wait for one of our locks: unless it is taken before ours, that is a ring. */
void brkm__os_streams_lock(void);
void brkm__os_streams_unlock(void);
void brkm__os_streams_reset(void);

/* ---- The allocator's own thread ---- */

/* Runs `run` in a thread of its own, named "brkmalloc", detached, with a small stack and with all
 * signals blocked; they are as in the calling thread again when `run` has returned. Allocates, so
 * no lock may be held. Does not wait for the thread. */
bool brkm__os_start_thread(void (*run)(void));

/* True in the thread that the process began with. */
bool brkm__os_is_first_thread(void);

/* True when every other thread of the process has ended; false where that cannot be told. */
bool brkm__os_is_last_thread(void);

#endif
