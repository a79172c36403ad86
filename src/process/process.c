/* SPDX-License-Identifier: MIT
 * The life of the process: start, fork, exit.
 *
 * The allocator serves before the constructor runs and after the destructor ran. */
#include "base/base.h"
#include "cache/cache_life.h"
#include "cache/cache_registry.h"
#include "cache/home.h"
#include "guard/hardened.h"
#include "kit/lock.h"
#include "kit/optional_room.h"
#include "kit/options.h"
#include "kit/options_read.h"
#include "kit/options_tell.h"
#include "malloc/foreign.h"
#include "process/bare_fork.h"
#include "process/locks.h"
#include "process/options_apply.h"
#include "profile/control.h"
#include "service/thread.h"
#include "stats/print.h"
#include "system/os.h"

/* ---- The rooms that a build may go without ---- */

static const struct optional_room *const rooms[] = {
#if BRKM_GUARD
    &brkm__guard_room,
#endif
#if BRKM_PROFILE
    &brkm__profile_room,
#endif
#if BRKM_STATS
    &brkm__stats_room,
#endif
#if BRKM_SERVICE
    &brkm__service_room,
#endif
    NULL,
};

static void rooms_start(void)
{
    for (size_t i = 0; rooms[i] != NULL; i++) {
        if (rooms[i]->start != NULL) {
            rooms[i]->start();
        }
    }
}

/* What the last of them wants the process's exit status to be. */
static int rooms_end(void)
{
    int status = 0;
    for (size_t i = 0; rooms[i] != NULL; i++) {
        int wanted = rooms[i]->end != NULL ? rooms[i]->end() : 0;
        status = wanted != 0 ? wanted : status;
    }
    return status;
}

static void rooms_after_fork(void)
{
    for (size_t i = 0; rooms[i] != NULL; i++) {
        if (rooms[i]->after_fork != NULL) {
            rooms[i]->after_fork();
        }
    }
}

static void rooms_restart(void)
{
    for (size_t i = 0; rooms[i] != NULL; i++) {
        if (rooms[i]->restart != NULL) {
            rooms[i]->restart();
        }
    }
}

/* ---- Fork ---- */

static void acquire(const struct lock_row *row)
{
    lock_acquire(row->lock);
}

static void release(const struct lock_row *row)
{
    lock_release(row->lock);
}

static void reset(const struct lock_row *row)
{
    lock_reset(row->lock);
}

/* With one thread nobody else can hold a lock, and this thread may hold one itself, when a signal
 * handler that interrupted the allocator forks. */
static void prepare_fork(void)
{
    if (os_is_single_threaded()) {
        return;
    }
    brkm__os_streams_lock();
    brkm__locks_each(acquire);
    brkm__lock_holds_all = true;
}

static void fork_in_parent(void)
{
    if (!brkm__lock_holds_all) {
        return;
    }
    brkm__lock_holds_all = false;
    brkm__locks_each(release);
    brkm__os_streams_unlock();
}

static void fork_in_child(void)
{
    brkm__os_discard_after_fork();
    rooms_after_fork();
    if (!brkm__lock_holds_all) {
        return;
    }
    brkm__lock_holds_all = false;
    brkm__locks_each(reset);
    brkm__cache_forget_other_threads();
    brkm__os_streams_reset();
    rooms_restart();
}

/* ---- Start and exit ---- */

/* Priority 101 is the first that programs may use: prepare handlers run in the reverse order of
 * their registration, so that ours comes last, or nearly, and holds up other threads briefly. */
__attribute__((constructor(101))) static void start(void)
{
    brkm__os_discard_begin();
    brkm__cache_watch_threads();
    brkm__homes_begin();
#if BRKM_BARE_FORK
    brkm__bare_fork_begin();
#endif
    brkm__os_at_fork(prepare_fork, fork_in_parent, fork_in_child);
    brkm__cache_watch_malloc(false);
    brkm__environment_read();
    brkm__options_applied_by(brkm__tune_apply);
    brkm__tune_apply();
    brkm__foreign_take_over();
    rooms_start();
    brkm__options_tell();
}

__attribute__((destructor(101))) BRKM_ENTRY_OF(exit) static void end(void)
{
    int status = rooms_end();
    if (status != 0) {
        brkm__os_exit(status);
    }
}
