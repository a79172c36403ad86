/* SPDX-License-Identifier: MIT
 * What the family keeps for itself, counted. */
#ifndef BRKMALLOC_KERNEL_OWN_H
#define BRKMALLOC_KERNEL_OWN_H

#include "kit/own_memory.h"

/* Bytes from the system. Atomic, relaxed: a figure. */
extern size_t brkm__kernel_own_bytes BRKM_HIDDEN;

static inline void *kernel_own_map(size_t size)
{
    void *memory = brkm__own_map(size);
    if (memory != NULL) {
        __atomic_fetch_add(&brkm__kernel_own_bytes, brkm__own_bytes(size), __ATOMIC_RELAXED);
    }
    return memory;
}

static inline void kernel_own_unmap(void *memory, size_t size)
{
    __atomic_fetch_sub(&brkm__kernel_own_bytes, brkm__own_bytes(size), __ATOMIC_RELAXED);
    brkm__own_unmap(memory, size);
}

#endif
