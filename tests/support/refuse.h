/* SPDX-License-Identifier: MIT
 *
 * System calls that fail on the real system. */
#ifndef BRKM_TESTS_REFUSE_H
#define BRKM_TESTS_REFUSE_H

#include <stdbool.h>

/* From now on the calls `first` and `second` (SYS_ numbers, -1 for none) of this thread and of all
 * that it starts fail with `error`. False where the kernel accepts no filters. */
bool refuse_calls(int first, int second, int error);

#endif
