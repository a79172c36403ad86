/* SPDX-License-Identifier: MIT
 * A room that a build may go without (CMake's BRKM_GUARD, BRKM_PROFILE, BRKM_STATS, BRKM_SERVICE),
 * as process/ sees it. A member that is NULL has nothing to do. */
#ifndef BRKMALLOC_KIT_OPTIONAL_ROOM_H
#define BRKMALLOC_KIT_OPTIONAL_ROOM_H

struct optional_room {
    /* In the constructor, with the options read. */
    void (*start)(void);
    /* In the destructor. Returns the exit status that the process gets; 0 when it keeps its own. */
    int (*end)(void);
    /* In the child of each fork, before anything else. */
    void (*after_fork)(void);
    /* In the child of a process with several threads, with all locks open. */
    void (*restart)(void);
};

#endif
