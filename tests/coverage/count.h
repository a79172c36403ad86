/* SPDX-License-Identifier: MIT
 *
 * Included before every source of preset coverage: counts are written to files when a process
 * exits; those that abort, end by a signal that they raise, or leave by _exit as children of tests
 * do, have to be told. */
#ifndef BRKM_TESTS_COVERAGE_COUNT_H
#define BRKM_TESTS_COVERAGE_COUNT_H

/* As the sources have it that need it: later definitions must not differ. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

extern void __gcov_dump(void);
extern void __gcov_reset(void);

#define abort() (__gcov_dump(), abort())
/* The program may go on, and count again from 0. */
#define raise(signal) (__gcov_dump(), __gcov_reset(), raise(signal))
#define _exit(status) (__gcov_dump(), _exit(status))

#endif
