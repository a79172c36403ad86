/* SPDX-License-Identifier: MIT
 *
 * Time for tests that run for a while. Whole seconds would not do: one of them may end at once.
 */
#ifndef BRKM_TESTS_CLOCK_H
#define BRKM_TESTS_CLOCK_H

#include <time.h>

/* Seconds since some moment, which no one sets. */
static inline double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
