/* SPDX-License-Identifier: MIT
 * The check of the whole heap for programs. */
#include "brkmalloc/brkmalloc.h"
#include "heap/heaps.h"
#include "heap/walk.h"

BRKM_ENTRY_OF(check_heap) int brkm_check_heap(void)
{
    brkm__heaps_acquire();
    int violations = brkm__walk_check();
    brkm__heaps_release();
    return violations;
}
