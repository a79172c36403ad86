/* SPDX-License-Identifier: MIT
 * See huge_pages.h. */
#include "kit/huge_pages.h"

#include <stdatomic.h>

#include "kit/options.h"
#include "system/os.h"

/* Written by whoever sets options, read by any thread, relaxed: each number stands alone, and one
 * that is a moment old does no harm. */
static struct {
    _Atomic(size_t) told; /* enum thp: what the memory that there is was told last */
    _Atomic(size_t) unit; /* bytes; 0 for a page */
} state = {.told = THP_DEFAULT};

bool brkm__huge_pages_changed(void)
{
    size_t wanted = brkm__option_get(OPTION_thp);
    size_t unit = wanted == THP_ALWAYS ? brkm__os_huge_page_size() : 0;
    atomic_store_explicit(&state.unit, unit, memory_order_relaxed);
    return atomic_exchange_explicit(&state.told, wanted, memory_order_relaxed) != wanted;
}

void brkm__huge_pages_advise(void *start, size_t size)
{
    size_t wanted = brkm__option_get(OPTION_thp);
    if (likely(wanted == THP_DEFAULT)) {
        return;
    }
    /* The first page of a break may be partly another's. */
    uintptr_t first = align_up((uintptr_t)start, brkm__os_page_size());
    uintptr_t end = align_down((uintptr_t)start + size, brkm__os_page_size());
    if (first < end) {
        brkm__os_advise_huge((void *)first, end - first, wanted == THP_ALWAYS);
    }
}

size_t brkm__huge_pages_unit(void)
{
    size_t unit = atomic_load_explicit(&state.unit, memory_order_relaxed);
    return likely(unit == 0) ? brkm__os_page_size() : unit;
}
