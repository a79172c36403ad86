/* SPDX-License-Identifier: MIT
 * See locks.h. */
#include "process/locks.h"

#include "cache/cache_registry.h"
#include "cache/depot.h"
#if BRKM_GUARD
#include "guard/guarded.h"
#include "guard/quarantine.h"
#include "guard/zero_size.h"
#endif
#include "heap/heaps.h"
#include "heap/mapped.h"
#include "heap/rows.h"
#include "process/bare_fork.h"
#if BRKM_PROFILE
#include "profile/records.h"
#endif
#if BRKM_SERVICE
#include "service/socket.h"
#endif

#if BRKM_BARE_FORK
#define SETTLED_BY(function) function
#else
#define SETTLED_BY(function) NULL
#endif

void brkm__locks_each(void (*act)(const struct lock_row *row))
{
    const struct lock_row before_heaps[] = {
#if BRKM_GUARD
        {brkm__quarantine_lock(), SETTLED_BY(brkm__quarantine_abandon)},
#endif
#if BRKM_PROFILE
        {&brkm__profile_lock, SETTLED_BY(brkm__profile_abandon)},
#endif
        {brkm__cache_lock(), SETTLED_BY(brkm__cache_settle)},
#if BRKM_GUARD
        {&brkm__zero_size_lock, NULL},
        {&brkm__rows_lock, SETTLED_BY(brkm__rows_settle)},
        {&brkm__guarded_lock, SETTLED_BY(brkm__guarded_abandon)},
#endif
        /* Statistics hold it while they take the heap's. */
        {&brkm__mapped_lock, NULL},
    };
    for (size_t i = 0; i < sizeof(before_heaps) / sizeof(before_heaps[0]); i++) {
        act(&before_heaps[i]);
    }
    for (unsigned shelf = 0; brkm__depot_lock(shelf) != NULL; shelf++) {
        act(&(struct lock_row){brkm__depot_lock(shelf), NULL});
    }
    for (unsigned i = relaxed_load(brkm__side_heaps_used) + 1; i-- > 0;) {
        act(&(struct lock_row){&heap_numbered(i)->lock, SETTLED_BY(brkm__bare_fork_abandon_heaps)});
    }
#if BRKM_SERVICE
    act(&(struct lock_row){brkm__server_lock(), SETTLED_BY(brkm__server_abandon)});
#endif
}
