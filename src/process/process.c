/* SPDX-License-Identifier: MIT
 * The life of the process: start, fork, exit.
 *
 * The allocator serves before the constructor runs and after the destructor ran. */
#include "base/base.h"
#include "cache/cache_life.h"
#include "cache/cache_registry.h"
#include "cache/depot.h"
#include "guard/explain.h"
#include "guard/guarded.h"
#include "guard/hardened.h"
#include "guard/quarantine.h"
#include "guard/zero_size.h"
#include "heap/heap.h"
#include "heap/mapped.h"
#include "kit/lock.h"
#include "kit/options.h"
#include "kit/options_read.h"
#include "malloc/foreign.h"
#include "process/bare_fork.h"
#include "process/options_apply.h"
#include "profile/control.h"
#include "profile/records.h"
#include "profile/sampling.h"
#include "service/socket.h"
#include "service/thread.h"
#include "stats/print.h"
#include "system/os.h"

/* The locks besides those of the quarantine and the depot, in the order in which fork takes them
 * all. */
static struct lock *single_lock(size_t i)
{
    struct lock *const locks[] = {&brkm__profile_lock, brkm__cache_lock(), &brkm__zero_size_lock,
                                  &brkm__guarded_lock, &brkm__mapped_lock, &brkm__main_heap.lock,
                                  brkm__server_lock()};
    return locks[i];
}
#define SINGLE_LOCKS 7

static void for_each_lock(void (*act)(struct lock *lock))
{
    act(brkm__quarantine_lock());
    for (unsigned shelf = 0; brkm__depot_lock(shelf) != NULL; shelf++) {
        act(brkm__depot_lock(shelf));
    }
    for (size_t i = 0; i < SINGLE_LOCKS; i++) {
        act(single_lock(i));
    }
}

/* With one thread nobody else can hold a lock, and this thread may hold one itself, when a signal
 * handler that interrupted the allocator forks. */
static void prepare_fork(void)
{
    if (os_is_single_threaded()) {
        return;
    }
    brkm__os_streams_lock();
    for_each_lock(lock_acquire);
    brkm__lock_holds_all = true;
}

static void fork_in_parent(void)
{
    if (!brkm__lock_holds_all) {
        return;
    }
    brkm__lock_holds_all = false;
    for_each_lock(lock_release);
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
    for_each_lock(lock_reset);
    brkm__lock_begin_process();
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
    brkm__orphans_watch();
    brkm__os_at_fork(prepare_fork, fork_in_parent, fork_in_child);
    brkm__environment_read();
    brkm__options_applied_by(brkm__tune_apply);
    brkm__tune_apply();
    brkm__hardened_apply();
    brkm__foreign_take_over();
    brkm__profiling_apply();
    if (brkm__option_get(OPTION_confirm) != 0) {
        brkm__environment_confirm();
    }
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
