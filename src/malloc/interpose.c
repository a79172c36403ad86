/* SPDX-License-Identifier: MIT
 * Libc's names onto ours.
 *
 * Each name is a function of its own: valgrind tells allocation functions apart by address. The
 * names with underscores are glibc's internal ones: a static program links without libc's malloc.o
 * only when every name that other objects may ask of it is defined here. Nothing is defined that
 * allocates for others (strdup, realpath). The headers that declare these names are left out, since
 * they differ between libcs; struct mallinfo has the layout of struct brkm_mallinfo everywhere. */
#include "malloc/malloc.h"

#define DEFINE(type, name, ours, parameters, arguments) \
    type name parameters;                               \
    BRKM_API BRKM_ENTRY type name parameters            \
    {                                                   \
        return ours arguments;                          \
    }

#define DEFINE_VOID(name, ours, parameters, arguments) \
    void name parameters;                              \
    BRKM_API BRKM_ENTRY void name parameters           \
    {                                                  \
        ours arguments;                                \
    }

/* name, __name and __libc_name */
#define DEFINE_THREE(type, name, ours, parameters, arguments) \
    DEFINE(type, name, ours, parameters, arguments)           \
    DEFINE(type, __##name, ours, parameters, arguments)       \
    DEFINE(type, __libc_##name, ours, parameters, arguments)

/* name and __name */
#define DEFINE_TWO(type, name, ours, parameters, arguments) \
    DEFINE(type, name, ours, parameters, arguments)         \
    DEFINE(type, __##name, ours, parameters, arguments)

/* ---- Allocate and free ---- */

DEFINE_THREE(void *, malloc, alloc_malloc, (size_t size), (size))
DEFINE_THREE(void *, calloc, brkm_calloc, (size_t count, size_t size), (count, size))
DEFINE_THREE(void *, realloc, brkm_realloc, (void *memory, size_t size), (memory, size))
DEFINE_VOID(free, alloc_free, (void *memory), (memory))
DEFINE_VOID(__free, brkm_free, (void *memory), (memory))
DEFINE_VOID(__libc_free, brkm_free, (void *memory), (memory))
DEFINE_VOID(cfree, brkm_cfree, (void *memory), (memory))
DEFINE_VOID(free_sized, brkm_free_sized, (void *memory, size_t size), (memory, size))
DEFINE_VOID(free_aligned_sized, brkm_free_aligned_sized,
            (void *memory, size_t alignment, size_t size), (memory, alignment, size))

/* ---- Aligned blocks ---- */

DEFINE(void *, aligned_alloc, brkm_aligned_alloc, (size_t alignment, size_t size),
       (alignment, size))
DEFINE_THREE(void *, memalign, brkm_memalign, (size_t alignment, size_t size), (alignment, size))
DEFINE_TWO(int, posix_memalign, brkm_posix_memalign, (void **memory, size_t alignment, size_t size),
           (memory, alignment, size))
DEFINE_THREE(void *, valloc, brkm_valloc, (size_t size), (size))
DEFINE_THREE(void *, pvalloc, brkm_pvalloc, (size_t size), (size))

/* ---- Ask and tune ---- */

DEFINE_TWO(size_t, malloc_usable_size, brkm_malloc_usable_size, (void *memory), (memory))
DEFINE_TWO(int, malloc_trim, brkm_malloc_trim, (size_t pad), (pad))
DEFINE_THREE(int, mallopt, brkm_mallopt, (int parameter, int value), (parameter, value))

/* ---- Figures ---- */

#if BRKM_STATS
DEFINE_THREE(struct brkm_mallinfo, mallinfo, brkm_mallinfo, (void), ())
DEFINE_THREE(struct brkm_mallinfo2, mallinfo2, brkm_mallinfo2, (void), ())
DEFINE_TWO(int, malloc_info, brkm_malloc_info, (int options, FILE *stream), (options, stream))
DEFINE_VOID(malloc_stats, brkm_malloc_stats, (void), ())
DEFINE_VOID(__malloc_stats, brkm_malloc_stats, (void), ())
#endif
