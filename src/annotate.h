/* SPDX-License-Identifier: MIT
 * Layer 1: tells valgrind which memory belongs to the program and which to the allocator.
 * Everything here is empty unless BRKM_VALGRIND is 1. */
#ifndef BRKMALLOC_ANNOTATE_H
#define BRKMALLOC_ANNOTATE_H

#include "base.h"
#include "config.h"

#if BRKM_VALGRIND
#include <valgrind/memcheck.h>
#endif

/* The allocator is about to write its own data here. */
static inline void annotate_ours(const void *start, size_t size)
{
#if BRKM_VALGRIND
    VALGRIND_MAKE_MEM_UNDEFINED(start, size);
#else
    (void)start, (void)size;
#endif
}

/* `size` bytes at `payload` now belong to the program; `zeroed` says that they read as zero. */
static inline void annotate_allocated(const void *payload, size_t size, bool zeroed)
{
#if BRKM_VALGRIND
    VALGRIND_MALLOCLIKE_BLOCK(payload, size, 0, zeroed);
#else
    (void)payload, (void)size, (void)zeroed;
#endif
}

/* A block is about to be resized. Until annotate_allocated or annotate_forgotten its `usable` bytes
 * are readable and belong to nobody. */
static inline void annotate_suspended(const void *payload, size_t usable)
{
#if BRKM_VALGRIND
    VALGRIND_FREELIKE_BLOCK(payload, 0);
    VALGRIND_MAKE_MEM_DEFINED(payload, usable);
#else
    (void)payload, (void)usable;
#endif
}

/* The memory of a suspended block is free. */
static inline void annotate_forgotten(const void *payload, size_t usable)
{
#if BRKM_VALGRIND
    VALGRIND_MAKE_MEM_NOACCESS(payload, usable);
#else
    (void)payload, (void)usable;
#endif
}

static inline void annotate_freed(const void *payload)
{
#if BRKM_VALGRIND
    VALGRIND_FREELIKE_BLOCK(payload, 0);
#else
    (void)payload;
#endif
}

#endif
