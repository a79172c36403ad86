/* SPDX-License-Identifier: MIT
 *
 * What the contract tests share. Each test_*.c defines api_test once; it is built for every door,
 * with and without threads, and against the prefixed library, where the names of the malloc family
 * stand for brkmalloc's own.
 */
#ifndef BRKM_TESTS_API_H
#define BRKM_TESTS_API_H

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"

#ifdef API_PREFIXED
#include <brkmalloc/brkmalloc.h>
#define malloc brkm_malloc
#define free brkm_free
#define calloc brkm_calloc
#define realloc brkm_realloc
#define reallocarray brkm_reallocarray
#define free_sized brkm_free_sized
#define free_aligned_sized brkm_free_aligned_sized
#define cfree brkm_cfree
#define aligned_alloc brkm_aligned_alloc
#define memalign brkm_memalign
#define posix_memalign brkm_posix_memalign
#define valloc brkm_valloc
#define pvalloc brkm_pvalloc
#define malloc_usable_size brkm_malloc_usable_size
#define malloc_trim brkm_malloc_trim
#define mallopt brkm_mallopt
#define mallinfo2 brkm_mallinfo2
#define mallinfo brkm_mallinfo
#define malloc_stats brkm_malloc_stats
#define malloc_info brkm_malloc_info
#else
/* Weak, because older headers and libraries do not have them. */
#pragma weak free_sized
#pragma weak free_aligned_sized
#pragma weak cfree
extern void free_sized(void *memory, size_t size);
extern void free_aligned_sized(void *memory, size_t alignment, size_t size);
extern void cfree(void *memory);
#endif

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* The test. `alone` says that no other thread runs, so that the process's totals hold still. */
void api_test(int alone);

/* True when malloc and its family are brkmalloc's under whatever name. */
int api_is_ours(void);

/* True when no option is set from outside, so that what the standard promises can be checked. */
int api_has_no_options(void);

#define API_ROOM 600

/* Writes 0 and the neighbourhood of every power of two up to `limit`; returns how many. */
size_t api_sizes(size_t sizes[API_ROOM], size_t limit);

/* Writes sizes that no machine has room for, most of them above PTRDIFF_MAX; returns how many. */
size_t api_impossible_sizes(size_t sizes[API_ROOM]);

/* Fills a block with a pattern and compares it; large blocks at their ends and on every page. */
void api_fill(void *memory, size_t size, unsigned seed);
int api_matches(const void *memory, size_t size, unsigned seed);
int api_is_zero(const void *memory, size_t size);

unsigned api_random(unsigned *state);

#define CHECK_ALIGNED(pointer, alignment) \
    CHECK_EQ_UINT((uintptr_t)(pointer) & ((uintptr_t)(alignment)-1), 0)

/* Runs `call` and checks that it gives NULL and sets errno. */
#define CHECK_FAILS(call, error)      \
    do {                              \
        errno = 0;                    \
        CHECK_EQ_PTR((call), NULL);   \
        CHECK_EQ_INT(errno, (error)); \
    } while (0)

#endif
