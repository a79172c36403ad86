/* SPDX-License-Identifier: MIT
 * The child of a fork that ran no handlers, which is _Fork or the system call, in a
 * program with threads. There the locks stay taken that other threads held, who do not exist in the
 * child; lock.h says how that is noticed. What such a lock guards may be in the midst of a change:
 * it is put in order where that is certain, and begun anew where it is not. */
#ifndef BRKMALLOC_PROCESS_BARE_FORK_H
#define BRKMALLOC_PROCESS_BARE_FORK_H

/* Called by the constructor. */
void brkm__orphans_watch(void);

#endif
