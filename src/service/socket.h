/* SPDX-License-Identifier: MIT
 * The socket of a running process (option control): takes clients of the same user and
 * carries their requests out (requests.h). One thread serves; fork is the business of thread.c. */
#ifndef BRKMALLOC_SERVICE_SOCKET_H
#define BRKMALLOC_SERVICE_SOCKET_H

#include "base/base.h"
#include "kit/lock.h"

/* Begins to listen. When that is impossible it is said once on standard error, and nothing is
 * served. */
void brkm__server_open(void);

bool brkm__server_is_open(void);

/* Waits for clients, at most that many milliseconds or until the alarm rings, and serves them.
 * Meanwhile other threads' heap calls go on. */
void brkm__server_wait(uint64_t milliseconds);

/* Held while descriptors are opened and closed; for fork. */
struct lock *brkm__server_lock(void);

/* In the child of a bare fork (process/bare_fork.h), where nobody is left who held the lock:
 * answers that were on their way are forgotten, and their memory lost. */
void brkm__server_abandon(void);

/* In the child of a fork: closes the parent's sockets, which the child has too. */
void brkm__server_forget(void);

#endif
