/* SPDX-License-Identifier: MIT
 * The heap profile as a file, which `brkmalloc pprof` reads. Text; each line is at most
 * 4096 bytes long, numbers are decimal, addresses hexadecimal:
 *
 *   brkmalloc heap profile 2
 *   pid 1234
 *   program /usr/bin/python3.11
 *   interval 524288
 *   started 1763800000
 *   seconds 12.345
 *   reason exit
 *   sample LIVE_BLOCKS LIVE_BYTES TOTAL_BLOCKS TOTAL_BYTES PEAK_BLOCKS PEAK_BYTES ADDRESS@OBJECT
 * ...
 *   ...
 *   objects
 *   OBJECT START-END LINK_START DEVICE INODE SIZE CHANGED FIRST_SEEN LAST_SEEN BUILD_ID PATH
 *   ...
 *   end
 *
 * A sample is a stack, the innermost return address first; 0x0 stands for one that is not known.
 * Behind each address stands the number of the object that it lay in (objects.h), if any. The
 * numbers are estimates for the whole program of what was asked for there: in use now, since the
 * start, and of that what was in use when the program had most in use. docs/profile-format.md has
 * it all. */
#ifndef BRKMALLOC_PROFILE_WRITE_H
#define BRKMALLOC_PROFILE_WRITE_H

#include "base/base.h"
#include "brkmalloc/brkmalloc.h"

enum profile_reason { PROFILE_AT_EXIT, PROFILE_AT_PEAK, PROFILE_REQUESTED, PROFILE_SIGNALLED };

/* Takes note of the time, and of the pattern of file names, which counts from the working directory
 * of now: %p stands for the process's id, %n for the file's number in the process, %e for the
 * program's name, %% for %. NULL for the standard pattern. False when the pattern is too long. */
bool brkm__profile_file_begin(const char *pattern);

/* Writes the profile to a new file: `path`, or when that is NULL one by the pattern. Nothing that
 * exists is overwritten; a file that cannot be written to its end is removed. Returns 0 or an errno
 * value, EDEADLK when the calling thread may itself be at work on the records (a signal handler).
 */
int brkm__profile_file_write(enum profile_reason reason, const char *path);

/* Writes the profile, as it is requested, to somebody's function. */
void brkm__profile_write_to(brkm_writer write, void *context);

/* The same by the pattern, with a message when that fails. */
void brkm__profile_file_report(enum profile_reason reason);

/* The handler of the signal for it; what it cannot do at once is left to the next sample. */
void brkm__profile_file_on_signal(int number);

/* After each sample, and after each that was freed: writes what is due, because of a signal, or
 * because that many more bytes are in use than before (option profile_growth). */
void brkm__profile_file_if_due(void);

#endif
