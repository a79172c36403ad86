/* SPDX-License-Identifier: MIT
 *
 * brkmalloc: the public interface under the prefix brkm_.
 *
 * Threads may call all of these functions at the same time. None but brkm_version may be called
 * from a signal handler (POSIX asks the same of malloc); all may be called in the child of a fork,
 * also of a program with threads. Sizes are in bytes. Where no error is told of, there is none.
 * errno means nothing after a function that succeeded; the free functions keep it as it was.
 *
 * A pointer that is returned is aligned to 16 bytes unless a larger alignment is asked for, and
 * stays valid until it is handed to one of the free or realloc functions, by whichever thread. A
 * pointer that none of these functions returned, or that was freed already, ends the program with a
 * message on standard error (see brkm_free).
 *
 * The interposing libraries give the same functions libc's names; the two sets may be mixed.
 */
#ifndef BRKMALLOC_BRKMALLOC_H
#define BRKMALLOC_BRKMALLOC_H

#include <stddef.h>
#include <stdio.h>

#define BRKM_VERSION_MAJOR 0
#define BRKM_VERSION_MINOR 1
#define BRKM_VERSION_PATCH 0

/* Exported; and for functions that return new memory, with the parameters whose product is its
 * size. */
#if defined(__GNUC__)
#define BRKM_API __attribute__((visibility("default")))
#define BRKM_API_ALLOC(...) __attribute__((visibility("default"), malloc, alloc_size(__VA_ARGS__)))
#else
#define BRKM_API
#define BRKM_API_ALLOC(...)
#endif

#ifdef __cplusplus
#define BRKM_NOTHROW noexcept
extern "C" {
#else
#define BRKM_NOTHROW
#endif

/* ---- Allocate and free ---- */

/* At least `size` bytes of uninitialised memory; size 0 gives a unique pointer that may be freed.
 * Errors: NULL and errno ENOMEM when memory is short or `size` is above PTRDIFF_MAX. */
BRKM_API_ALLOC(1) void *brkm_malloc(size_t size) BRKM_NOTHROW;

/* Frees `memory`; NULL does nothing. errno is kept as it was.
 * Misuse: a pointer that is not the start of a block in use (freed already, inside a block, on the
 * stack, or with an overwritten header) is named on standard error and the program aborts. */
BRKM_API void brkm_free(void *memory) BRKM_NOTHROW;

/* Room for `count` elements of `size` bytes each, all bytes zero; count * size 0 is as size 0 of
 * brkm_malloc. Errors: as brkm_malloc, also when count * size overflows. */
BRKM_API_ALLOC(1, 2) void *brkm_calloc(size_t count, size_t size) BRKM_NOTHROW;

/* Changes a block's size and keeps its contents up to the smaller of the two sizes; what it gained
 * is uninitialised. The block may move, and is then aligned to 16 bytes, whatever it was. With
 * `memory` NULL this is brkm_malloc. With `size` 0 the block is freed and NULL is returned, as
 * glibc does.
 * Errors: NULL and errno ENOMEM; the old block is then untouched and still valid. Misuse: as
 * brkm_free. */
BRKM_API void *brkm_realloc(void *memory, size_t size) BRKM_NOTHROW __attribute__((alloc_size(2)));

/* brkm_realloc to count * size bytes. Errors: as brkm_realloc, also when the product overflows. */
BRKM_API void *brkm_reallocarray(void *memory, size_t count, size_t size) BRKM_NOTHROW
    __attribute__((alloc_size(2, 3)));

/* As brkm_free. `size` must be what was asked for when the block was allocated (C23). Misuse: a
 * size that the block cannot have been allocated with ends the program, too. */
BRKM_API void brkm_free_sized(void *memory, size_t size) BRKM_NOTHROW;

/* As brkm_free_sized, for blocks of brkm_aligned_alloc: alignment and size as they were given there
 * (C23). Misuse: also an alignment that the block does not have. */
BRKM_API void brkm_free_aligned_sized(void *memory, size_t alignment, size_t size) BRKM_NOTHROW;

/* As brkm_free; the name that very old programs use. */
BRKM_API void brkm_cfree(void *memory) BRKM_NOTHROW;

/* ---- Aligned blocks ---- */

/* `size` bytes aligned to `alignment`, which must be a power of two; `size` need not be a multiple.
 * Errors: NULL with errno EINVAL for another alignment, ENOMEM when memory is short. */
BRKM_API_ALLOC(2) void *brkm_aligned_alloc(size_t alignment, size_t size) BRKM_NOTHROW;

/* As brkm_aligned_alloc, but an alignment that is no power of two is rounded up to one.
 * Errors: EINVAL when no power of two is as large as `alignment`; ENOMEM. */
BRKM_API_ALLOC(2) void *brkm_memalign(size_t alignment, size_t size) BRKM_NOTHROW;

/* Stores an aligned block of `size` bytes in *memory. `alignment` must be a power of two and a
 * multiple of sizeof(void *).
 * Returns 0, EINVAL or ENOMEM; in case of an error *memory is left alone. */
BRKM_API int brkm_posix_memalign(void **memory, size_t alignment, size_t size) BRKM_NOTHROW;

/* `size` bytes aligned to a page of the system. Errors: as brkm_malloc. */
BRKM_API_ALLOC(1) void *brkm_valloc(size_t size) BRKM_NOTHROW;

/* As brkm_valloc with `size` rounded up to whole pages; size 0 gives one page. Errors: as
 * brkm_malloc. */
BRKM_API void *brkm_pvalloc(size_t size) BRKM_NOTHROW __attribute__((malloc));

/* ---- Ask and tune ---- */

/* How many bytes at `memory` the program may use: at least what was asked for, and the same number
 * for as long as the block is not resized. NULL gives 0. Misuse: as brkm_free. */
BRKM_API size_t brkm_malloc_usable_size(void *memory) BRKM_NOTHROW;

/* Gives free memory back to the system: what the calling thread has cached and what waits between
 * threads returns to the heap first, then the heap's end goes but for `pad` bytes, and so do whole
 * pages inside free blocks. What other threads have cached stays with them.
 * Returns 1 when memory was given back, otherwise 0. */
BRKM_API int brkm_malloc_trim(size_t pad) BRKM_NOTHROW;

/* Sets a parameter by glibc's number (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX,
 * M_PERTURB ... in <malloc.h>). Returns 1 on success and, as glibc does, for a parameter that means
 * nothing here; 0 for a value that is out of range. */
BRKM_API int brkm_mallopt(int parameter, int value) BRKM_NOTHROW;

/* The value of the option `name`, as brkmalloc(7) lists them: bytes, a number, 0 and 1 for a flag,
 * or the number that it gives for a word. Returns 0; ENOENT for a name that is none, *value is then
 * left alone. */
BRKM_API int brkm_option_get(const char *name, size_t *value) BRKM_NOTHROW;

/* Sets an option while the program runs.
 * Returns 0; ENOENT for a name that is none; EINVAL for a value out of range; EPERM for an option
 * that only counts when the process starts. The value is then as it was. */
BRKM_API int brkm_option_set(const char *name, size_t value) BRKM_NOTHROW;

/* ---- Heap profile ----
 *
 * Sampling may be on from the start (option profile, variable BRKMALLOC_PROFILE, see brkmalloc(7)),
 * or be switched by the program. */

/* Begins to sample who allocates, or goes on with it. Blocks from before are unknown to the
 * profile. Returns 0; ENOMEM when there is no memory for the records: it may be tried again. */
BRKM_API int brkm_profile_start(void) BRKM_NOTHROW;

/* Ends sampling. What was recorded stays, and the frees of recorded blocks still count. */
BRKM_API void brkm_profile_stop(void) BRKM_NOTHROW;

/* Writes the profile to the new file `path`, or with NULL to one by the pattern of
 * BRKMALLOC_PROFILE (brkmalloc.%p.%n.heap without it). `brkmalloc pprof` reads it. Returns 0;
 * ENOTSUP when sampling never began; otherwise the errno value that says why there is no such file,
 * EEXIST for one: nothing is overwritten. */
BRKM_API int brkm_profile_dump(const char *path) BRKM_NOTHROW;

/* The same members and meanings as glibc's struct mallinfo2, in bytes and counts. */
struct brkm_mallinfo2 {
    size_t arena;    /* bytes the heap got from the system, mapped blocks not counted */
    size_t ordblks;  /* number of free blocks */
    size_t smblks;   /* always 0: blocks in caches are not what glibc means */
    size_t hblks;    /* number of mapped blocks */
    size_t hblkhd;   /* bytes in mapped blocks */
    size_t usmblks;  /* always 0 */
    size_t fsmblks;  /* always 0 */
    size_t uordblks; /* bytes in use in the heap, headers included */
    size_t fordblks; /* bytes free in the heap, or in caches */
    size_t keepcost; /* bytes that trimming the heap's end could give back */
};

/* As struct brkm_mallinfo2 with int members, which stop at INT_MAX. */
struct brkm_mallinfo {
    int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

/* What the heap holds at the moment, as glibc's function tells it. Reads counters only, so that
 * programs may ask often: numbers that belong together may be a moment apart. */
BRKM_API struct brkm_mallinfo2 brkm_mallinfo2(void) BRKM_NOTHROW;

/* The same in the type that old programs use. */
BRKM_API struct brkm_mallinfo brkm_mallinfo(void) BRKM_NOTHROW;

/* What takes a piece of text: `length` bytes, which end anywhere and with no zero. */
typedef void (*brkm_writer)(void *context, const char *text, size_t length);

/* A table for people; JSON; a line for each number, for programs that have no JSON. */
enum brkm_stats_format { BRKM_STATS_TEXT, BRKM_STATS_JSON, BRKM_STATS_LINES };

/* Writes the statistics, which brkmalloc(7) explains, piece by piece by calls of
 * write(context, ...); with `write` NULL to standard error. Walks the whole heap under its lock, in
 * time in proportion to the number of blocks, and then writes without a lock and without
 * allocating; `write` itself may allocate. Returns 0; EINVAL for a format that is none. */
BRKM_API int brkm_stats_print(brkm_writer write, void *context, enum brkm_stats_format format);

/* For brkm_explain_memory: JSON instead of a table for people. */
enum brkm_explain_flags { BRKM_EXPLAIN_JSON = 1 };

/* Writes to `stream` where the resident memory of the process goes, and which blocks keep free
 * memory from going back, by size class and, for what the heap profile knows, by call site; see
 * brkmalloc(7). `flags` is 0 or of enum brkm_explain_flags. Walks the whole heap, but locks it for
 * less than a millisecond at a time: what comes and goes meanwhile may be missed. The stream may
 * allocate; errors of writing are its own, see ferror. Returns 0; EINVAL for unknown flags; ENOMEM
 * when there is no memory for it, and nothing was written. */
BRKM_API int brkm_explain_memory(FILE *stream, int flags);

/* How many bytes would become free pages if the block at `memory` moved elsewhere: its share of the
 * free bytes on the pages that it lies on. A block that has its pages to itself has all of these
 * bytes; several have a share each by their bytes there, since the page goes back when all have
 * moved. 0 when nothing is to be had, also for blocks outside of the heap, rows of aligned blocks
 * and pointers that are no block in use; NULL gives 0. Takes the heap's lock for some microseconds.
 *
 * A program that can move its values moves those whose hint is above their size, best after
 * brkm_malloc_trim, since blocks in caches hold their pages, too. */
BRKM_API size_t brkm_move_hint(const void *memory) BRKM_NOTHROW;

/* brkm_stats_print as text to standard error. Errors of writing go unnoticed. */
BRKM_API void brkm_malloc_stats(void) BRKM_NOTHROW;

/* Writes the statistics to `stream` as XML, in glibc's schema and with an element of our own behind
 * glibc's. `options` must be 0. Walks the heap as brkm_stats_print does; the stream may allocate.
 * Returns 0; EINVAL for other options. Errors of writing are the stream's, see ferror. */
BRKM_API int brkm_malloc_info(int options, FILE *stream) BRKM_NOTHROW;

/* Walks the whole heap and verifies every invariant of docs/design.md. Takes the heap's lock and
 * time in proportion to the number of blocks.
 * Returns the number of violations; each is described on standard error. */
BRKM_API int brkm_check_heap(void) BRKM_NOTHROW;

/* The version as "major.minor.patch", a constant string. */
BRKM_API const char *brkm_version(void) BRKM_NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
