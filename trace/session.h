/* SPDX-License-Identifier: MIT
 *
 * The recorder's slow half: the file of this process, its chunks, and which thread writes to which
 * lane.
 *
 * Each lane has a window: one chunk of the file, mapped shared, to which its thread writes. What
 * stands there survives any end of the process. A full window is copied to the file's end by one
 * system call and used again, which costs less than a page fault for each new page.
 *
 * With a limit the file is a ring: the oldest chunk that is no window is written anew.
 *
 * All that describes the recording lies in memory which the kernel clears in the child of a fork,
 * however that was made: the child finds its lanes without room, comes here, and begins a file of
 * its own. */
#ifndef BRKMALLOC_TRACE_SESSION_H
#define BRKMALLOC_TRACE_SESSION_H

#include <stdbool.h>

#include "lane.h"

/* The lane of the calling thread; one without room at first. */
extern __thread struct lane *session_lane __attribute__((tls_model("initial-exec")));

/* Whether ticks come from the processor's counter. Set before the first lane has room. */
extern bool session_has_counter __attribute__((visibility("hidden")));

/* Whether it is not all calls that are recorded, or more of them: a sample, or with stacks. Set at
 * the same time, as all that follow. */
extern uint32_t session_is_special __attribute__((visibility("hidden")));

/* Return addresses of a stack at most; 0: stacks are not recorded. */
extern uint32_t session_stack_depth __attribute__((visibility("hidden")));

/* Calls about addresses that are mixed into less are not recorded; 0: all are. */
extern uint32_t session_sample_floor __attribute__((visibility("hidden")));

/* Reads from the environment where to record to. Called once, before there are threads. */
void session_configure(void);

/* Room for one record: the calling thread's lane, or NULL when nothing is recorded. A thread that
 * has ended borrows a lane until session_give_back. Leaves errno alone. */
struct lane *session_make_room(void);

/* The number of the calling thread's stack, which is written down when it is new; 0 where there is
 * no room for it or no way to know it. Only between session_make_room and a record. Leaves errno
 * alone. */
uint32_t session_find_stack(void);

/* An object was unloaded, or is about to be. */
void session_note_unloading(void);

/* To be called after a record into what session_make_room returned. */
void session_give_back(struct lane *lane);

#endif
