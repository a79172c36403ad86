/* SPDX-License-Identifier: MIT
 * The allocator's own thread: gives memory back when the program is quiet (option
 * background, decay.h) and answers questions from outside (option control, socket.h). There is none
 * unless one of the options is set. */
#ifndef BRKMALLOC_SERVICE_THREAD_H
#define BRKMALLOC_SERVICE_THREAD_H

#include "base/base.h"
#include "kit/optional_room.h"

/* Starts the thread when an option asks for it. Called by the constructor: on the way of malloc it
 * could deadlock, since a malloc may be on the way of dlopen or of pthread_create. No lock may be
 * held. Nobody waits for the thread to begin. */
void brkm__service_start(void);

/* In the child of a fork, with all locks open: starts the thread if the parent had it. */
void brkm__service_restart_in_child(void);

extern const struct optional_room brkm__service_room BRKM_HIDDEN;

#endif
