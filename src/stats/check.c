/* SPDX-License-Identifier: MIT
 * The check of the whole heap for programs. */
#include "brkmalloc/brkmalloc.h"
#include "heap/heap.h"
#include "heap/walk.h"

BRKM_ENTRY_OF(check_heap) int brkm_check_heap(void)
{
    struct heap *heap = &brkm__main_heap;
    lock_acquire(&heap->lock);
    int violations = brkm__walk_check(heap);
    lock_release(&heap->lock);
    return violations;
}
