/* SPDX-License-Identifier: MIT
 * See bare_fork.h. */
#include "process/bare_fork.h"

#include "cache/cache_registry.h"
#include "cache/depot.h"
#include "guard/guarded.h"
#include "guard/quarantine.h"
#include "guard/zero_size.h"
#include "heap/heap.h"
#include "heap/mapped.h"
#include "kit/lock.h"
#include "profile/records.h"
#include "service/socket.h"

static void settle_whole(struct lock *lock, void (*settle_data)(void))
{
    if (lock_is_orphaned(lock)) {
        settle_data();
        lock_reset(lock);
    }
}

static void settle_part(struct lock *lock, unsigned part, void (*settle_data)(unsigned part))
{
    if (lock_is_orphaned(lock)) {
        settle_data(part);
        lock_reset(lock);
    }
}

static void abandon_heap(void)
{
    brkm__heap_abandon(&brkm__main_heap);
}

/* Each change to the table of blocks of no bytes is one store. */
static void leave_zero_sizes(void)
{
}

static void settle_all(void)
{
    struct lock *lock;
    settle_whole(brkm__quarantine_lock(), brkm__quarantine_abandon);
    for (unsigned shelf = 0; (lock = brkm__depot_lock(shelf)) != NULL; shelf++) {
        settle_part(lock, shelf, brkm__depot_abandon);
    }
    settle_whole(&brkm__profile_lock, brkm__profile_abandon);
    settle_whole(brkm__cache_lock(), brkm__cache_settle);
    settle_whole(&brkm__zero_size_lock, leave_zero_sizes);
    settle_whole(&brkm__guarded_lock, brkm__guarded_abandon);
    settle_whole(&brkm__mapped_lock, brkm__mapped_settle);
    settle_whole(&brkm__main_heap.lock, abandon_heap);
    settle_whole(brkm__server_lock(), brkm__server_abandon);
}

void brkm__orphans_watch(void)
{
    brkm__lock_settle_orphans_by(settle_all);
}
