/* SPDX-License-Identifier: MIT
 * The child of a fork that ran no handlers, which is _Fork or the system call, in a program with
 * threads. There the locks stay taken that other threads held, who do not exist in the child, and
 * what such a lock guards may be in the midst of a change: it is put in order where that is
 * certain, and begun anew where it is not.
 *
 * How it is noticed: a lock that is taken holds the process's mark, which reads as zero in the
 * child of any fork (kit/wiped.h). Whoever comes first to a lock there finds the zero, before any
 * thread of the child can have taken one: all that hold a mark then are orphaned. They are settled
 * before anybody goes on. In a child that shares its parent's memory (vfork) the mark stays, since
 * the holders live. */
#ifndef BRKMALLOC_PROCESS_BARE_FORK_H
#define BRKMALLOC_PROCESS_BARE_FORK_H

/* Called by the constructor. */
void brkm__bare_fork_begin(void);

/* For the table of locks: the regions and their blocks stay, but nothing is taken from them any
 * more. The heap begins empty, at the break as it is. */
void brkm__bare_fork_abandon_heaps(void);

#endif
