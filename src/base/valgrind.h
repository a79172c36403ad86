/* SPDX-License-Identifier: MIT
 * Tells valgrind which memory belongs to the program and which to the allocator.
 * Everything here is empty unless BRKM_VALGRIND is 1. */
#ifndef BRKMALLOC_BASE_VALGRIND_H
#define BRKMALLOC_BASE_VALGRIND_H

#include "base/base.h"
#include "base/config.h"

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

/* The allocator is about to read what it wrote here; annotate_forgotten afterwards. */
static inline void annotate_readable(const void *start, size_t size)
{
#if BRKM_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(start, size);
#else
    (void)start, (void)size;
#endif
}

/* `size` bytes at `payload` now belong to the program; `zeroed` says that they read as zero. */
static inline void annotate_allocated(const void *payload, size_t size, bool zeroed)
{
#if BRKM_VALGRIND
    /* Links of a cached block and the block's last bytes are not the program's. */
    size_t least = align_up(size + BRKM_HEADER_SIZE, BRKM_ALIGNMENT) - BRKM_HEADER_SIZE;
    VALGRIND_MAKE_MEM_NOACCESS(payload, max_size(least, BRKM_MIN_BLOCK - BRKM_HEADER_SIZE));
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

/* Nobody has a right to these bytes: a block's on its way into a cache, or what a suspended block
 * leaves. */
static inline void annotate_forgotten(const void *start, size_t size)
{
#if BRKM_VALGRIND
    VALGRIND_MAKE_MEM_NOACCESS(start, size);
#else
    (void)start, (void)size;
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

#ifdef BRKM_THREAD_SANITIZER
/* Of the sanitizer's library. */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#endif

/* Between the two calls what is read may be anybody's, and is judged by what it is. */
static inline void annotate_silence(bool on)
{
#ifdef BRKM_THREAD_SANITIZER
    (on ? AnnotateIgnoreReadsBegin : AnnotateIgnoreReadsEnd)(__FILE__, __LINE__);
#elif BRKM_VALGRIND
    if (on) {
        VALGRIND_DISABLE_ERROR_REPORTING;
    } else {
        VALGRIND_ENABLE_ERROR_REPORTING;
    }
#else
    (void)on;
#endif
}

#endif
