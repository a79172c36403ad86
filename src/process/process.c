/* SPDX-License-Identifier: MIT
 * The life of the process: start, fork, exit.
 *
 * The allocator serves before the constructor runs and after the destructor ran. */
#include "base/base.h"
#include "cache/cache_life.h"
#include "cache/cache_registry.h"
#include "guard/explain.h"
#include "guard/guarded.h"
#include "guard/hardened.h"
#include "kit/lock.h"
#include "kit/options.h"
#include "kit/options_read.h"
#include "kit/options_tell.h"
#include "malloc/foreign.h"
#include "process/bare_fork.h"
#include "process/locks.h"
#include "process/options_apply.h"
#include "profile/control.h"
#include "profile/sampling.h"
#include "service/thread.h"
#include "stats/print.h"
#include "system/os.h"

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
    brkm__guarded_after_fork();
    brkm__explain_after_fork();
    brkm__sampling_forget();
    if (!brkm__lock_holds_all) {
        return;
    }
    brkm__lock_holds_all = false;
    brkm__locks_each(reset);
    brkm__cache_forget_other_threads();
    brkm__os_streams_reset();
    brkm__service_restart_in_child();
}

/* Priority 101 is the first that programs may use: prepare handlers run in the reverse order of
 * their registration, so that ours comes last, or nearly, and holds up other threads briefly. */
__attribute__((constructor(101))) static void start(void)
{
    brkm__os_discard_begin();
    brkm__cache_watch_threads();
#if BRKM_BARE_FORK
    brkm__bare_fork_begin();
#endif
    brkm__os_at_fork(prepare_fork, fork_in_parent, fork_in_child);
    brkm__cache_watch_malloc(false);
    brkm__environment_read();
    brkm__options_applied_by(brkm__tune_apply);
    brkm__tune_apply();
    brkm__hardened_apply();
    brkm__foreign_take_over();
    brkm__profiling_apply();
    brkm__options_tell();
    if (brkm__option_get(OPTION_stats_at_exit) != 0) {
        brkm__os_keep_error_open();
    }
    brkm__service_start();
}

__attribute__((destructor(101))) static void end(void)
{
    if (brkm__option_get(OPTION_check_at_exit) != 0) {
        brkm__hardened_check_all();
    }
    if (brkm__option_get(OPTION_stats_at_exit) != 0) {
        brkm__stats_at_exit();
    }
    int status = brkm__profiling_at_exit();
    if (status != 0) {
        brkm__os_exit(status);
    }
}
