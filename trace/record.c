/* SPDX-License-Identifier: MIT
 *
 * libbrkmalloc-record.so: writes down each call of the malloc family and forwards it to the next
 * library that defines it. Preloaded by `./brkmalloc record`, in front of brkmalloc.
 *
 * A free is written before it is done and an allocation after, so that the times of all threads
 * give an order in which no block is handed out before it was freed. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "session.h"

#define EXPORT __attribute__((visibility("default")))

/* A process with one thread needs no clock to order its calls: it is read at every so manieth, but
 * for a sample, whose calls are far apart, and with stacks, beside which a clock costs nothing. */
#define CALLS_PER_CLOCK 16

/* Bytes for what dlsym asks of malloc while the next malloc is being looked up. */
#define EARLY_BYTES 16384

extern char __libc_single_threaded __attribute__((weak));

/* What the headers of some libcs lack. */
void cfree(void *memory);
void free_sized(void *memory, size_t size);
void free_aligned_sized(void *memory, size_t alignment, size_t size);
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);
void *__libc_memalign(size_t alignment, size_t size);

/* ---- The next allocator ---- */

struct allocator {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *memory, size_t size);
    void (*free)(void *memory);
    void *(*memalign)(size_t alignment, size_t size);
    void *(*aligned_alloc)(size_t alignment, size_t size);
    int (*posix_memalign)(void **memory, size_t alignment, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
    void (*free_sized)(void *memory, size_t size);
    void (*free_aligned_sized)(void *memory, size_t alignment, size_t size);
};

static unsigned char early[EARLY_BYTES] __attribute__((aligned(16)));
static size_t early_used;

static bool is_early(const void *memory)
{
    return (uintptr_t)memory - (uintptr_t)early < EARLY_BYTES;
}

/* Never freed, and zero. */
static void *early_malloc(size_t size)
{
    if (size > EARLY_BYTES - early_used) {
        errno = ENOMEM;
        return NULL;
    }
    void *memory = early + early_used;
    early_used += (size + 15) & ~(size_t)15;
    return memory;
}

static void *early_calloc(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? early_malloc(EARLY_BYTES + 1)
                                                       : early_malloc(bytes);
}

static void *early_realloc(void *memory, size_t size)
{
    void *moved = early_malloc(size);
    if (moved != NULL && memory != NULL) {
        size_t behind = (size_t)(early + EARLY_BYTES - (unsigned char *)memory);
        memcpy(moved, memory, size < behind ? size : behind);
    }
    return moved;
}

static void early_free(void *memory)
{
    (void)memory;
}

static const struct allocator early_allocator = {
    .malloc = early_malloc,
    .calloc = early_calloc,
    .realloc = early_realloc,
    .free = early_free,
};

static void *first_malloc(size_t size);
static void *first_calloc(size_t count, size_t size);
static void *first_realloc(void *memory, size_t size);
static void first_free(void *memory);

static void choose_functions(void);

/* Whoever calls first looks the next allocator up. */
static struct allocator next = {
    .malloc = first_malloc,
    .calloc = first_calloc,
    .realloc = first_realloc,
    .free = first_free,
};

/* As a number, since ISO C has no conversion from data to function pointers. */
static void look_up(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof(found));
}

static void find_next(void)
{
    struct allocator found;
    next = early_allocator;
    look_up(&found.malloc, "malloc");
    look_up(&found.calloc, "calloc");
    look_up(&found.realloc, "realloc");
    look_up(&found.free, "free");
    look_up(&found.memalign, "memalign");
    look_up(&found.aligned_alloc, "aligned_alloc");
    look_up(&found.posix_memalign, "posix_memalign");
    look_up(&found.valloc, "valloc");
    look_up(&found.pvalloc, "pvalloc");
    look_up(&found.free_sized, "free_sized");
    look_up(&found.free_aligned_sized, "free_aligned_sized");
    session_configure();
    choose_functions();
    next = found;
}

/* For the calls that are rarely the first. */
static void ensure_next(void)
{
    if (next.memalign == NULL) {
        find_next();
    }
}

static void *first_malloc(size_t size)
{
    find_next();
    return next.malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
    find_next();
    return next.calloc(count, size);
}

static void *first_realloc(void *memory, size_t size)
{
    find_next();
    return next.realloc(memory, size);
}

static void first_free(void *memory)
{
    find_next();
    next.free(memory);
}

/* ---- Writing down ---- */

static bool has_threads(void)
{
    return &__libc_single_threaded == NULL || __libc_single_threaded == 0;
}

/* Whether only some blocks are recorded, or stacks are. */
static bool is_special(void)
{
    return __builtin_expect(session_is_special != 0, 0);
}

/* Whether the calls about the block are to be recorded. */
static inline __attribute__((always_inline)) bool is_sampled(uint64_t address)
{
    return trace_mix_address(address) >= session_sample_floor;
}

static bool is_free(unsigned operation)
{
    return operation >= TRACE_FREE && operation <= TRACE_FREE_ALIGNED_SIZED;
}

static inline __attribute__((always_inline)) uint64_t read_clock(unsigned operation,
                                                                 bool has_counter)
{
    return is_free(operation) ? clock_ticks_before(has_counter) : clock_ticks_after(has_counter);
}

static uint64_t ticks_for(struct lane *lane, unsigned operation)
{
    if (!has_threads() && lane->calls_until_clock != 0) {
        lane->calls_until_clock--;
        return lane->ticks;
    }
    lane->calls_until_clock = is_special() ? 0 : CALLS_PER_CLOCK - 1;
    return read_clock(operation, session_has_counter);
}

static bool has_room(const struct lane *lane)
{
    return __builtin_expect(lane->cursor < lane->limit, 1);
}

/* What needs a clock that has to be called, or room, and what a sample has. Not inlined, so that
 * malloc and free need not save registers for calls that are rare. */
static void __attribute__((noinline)) record_slow(struct call call)
{
    if (!is_sampled(call.address)) {
        return;
    }
    struct lane *own = session_lane;
    struct lane *lane = has_room(own) ? own : session_make_room();
    if (lane != NULL) {
        call.ticks = ticks_for(lane, call.operation);
        lane_write(lane, call);
        session_give_back(lane);
    }
}

static inline __attribute__((always_inline)) void record_one_of_all(struct call call)
{
    struct lane *lane = session_lane;
    if (!has_threads() && has_room(lane) && lane->calls_until_clock != 0) {
        lane->calls_until_clock--;
        call.ticks = lane->ticks;
    } else if (has_threads() && has_room(lane) && session_has_counter) {
        call.ticks = read_clock(call.operation, true);
    } else {
        record_slow(call);
        return;
    }
    lane_write(lane, call);
}

static struct lane *lane_for_stack(void)
{
    struct lane *own = session_lane;
    if (has_room(own)) {
        return own;
    }
    struct lane *lane = session_make_room();
    if (lane != NULL) {
        lane->stack = 0; /* the chunk may be a new one */
    }
    return lane;
}

/* What has stacks: all records, as those without one may need a new chunk, too. */
static void __attribute__((noinline)) record_with_stack(struct call call)
{
    if (!is_sampled(call.address)) {
        return;
    }
    struct lane *lane = lane_for_stack();
    if (lane != NULL) {
        if (!is_free(call.operation) && call.address != 0) {
            lane_write_stack(lane, session_find_stack());
        }
        call.ticks = ticks_for(lane, call.operation);
        lane_write(lane, call);
        session_give_back(lane);
    }
}

static void __attribute__((noinline)) record_special(struct call call)
{
    if (session_stack_depth != 0) {
        record_with_stack(call);
    } else {
        record_slow(call);
    }
}

static inline __attribute__((always_inline)) void record(struct call call)
{
    if (is_special()) {
        if (is_sampled(call.address)) {
            record_special(call);
        }
    } else {
        record_one_of_all(call);
    }
}

static inline __attribute__((always_inline)) void *record_block(unsigned operation, void *memory,
                                                                size_t size)
{
    record((struct call){.operation = operation, .address = (uintptr_t)memory, .size = size});
    return memory;
}

/* Alignments that are no powers of two are rounded up to one, as memalign does. */
static unsigned bits_of_alignment(size_t alignment)
{
    return alignment <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(alignment - 1);
}

static void record_aligned(unsigned operation, void *memory, size_t alignment, size_t size)
{
    record((struct call){.operation = operation,
                         .address = (uintptr_t)memory,
                         .size = size,
                         .alignment_bits = bits_of_alignment(alignment)});
}

/* When the old block went back and when the new one came are two times: another thread may have
 * had a part in either. */
static inline __attribute__((always_inline)) void record_realloc_as(struct call call,
                                                                    uint64_t begin, bool has_stack)
{
    struct lane *lane = session_lane;
    bool is_slow = lane->cursor >= lane->limit;
    call.operation = TRACE_REALLOC; /* as all that come here have: a constant for lane_write */
    if (is_slow) {
        lane = has_stack ? lane_for_stack() : session_make_room();
        if (lane == NULL) {
            return;
        }
    }
    if (begin == 0) {
        call.ticks = ticks_for(lane, call.operation);
    } else {
        call.ticks = begin > lane->ticks ? begin : lane->ticks;
        uint64_t end = clock_ticks_after(session_has_counter);
        call.duration = end > call.ticks ? end - call.ticks : 0;
    }
    if (has_stack && call.address != 0) {
        lane_write_stack(lane, session_find_stack());
    }
    lane_write(lane, call);
    lane->ticks += call.duration;
    if (is_slow) {
        session_give_back(lane);
    }
}

static void record_realloc(struct call call, uint64_t begin)
{
    record_realloc_as(call, begin, false);
}

static void record_realloc_with_stack(struct call call, uint64_t begin)
{
    record_realloc_as(call, begin, true);
}

/* In a sample a block may come from or go to an address that is not in it: then only one of its
 * ends is written down. */
static inline __attribute__((always_inline)) void
record_realloc_of_some(struct call call, uint64_t begin,
                       void record_whole(struct call call, uint64_t begin))
{
    bool fails = call.address == 0;
    bool had = is_sampled(call.old_address);
    bool has = fails ? had : is_sampled(call.address);
    if (had && has) {
        record_whole(call, begin);
    } else if (had) {
        record_whole((struct call){.operation = TRACE_REALLOC, .old_address = call.old_address},
                     begin);
    } else if (has) {
        call.operation = TRACE_MALLOC;
        record(call);
    }
}

static void __attribute__((noinline)) record_special_realloc(struct call call, uint64_t begin)
{
    if (session_stack_depth != 0) {
        record_realloc_of_some(call, begin, record_realloc_with_stack);
    } else {
        record_realloc_of_some(call, begin, record_realloc);
    }
}

/* Whether either end is in the sample, as all are where there is none. */
static inline __attribute__((always_inline)) bool is_end_sampled(struct call call)
{
    return is_sampled(call.old_address) || (call.address != 0 && is_sampled(call.address));
}

/* ---- The malloc family ---- */

static void *malloc_of_all(size_t size)
{
    void *memory = next.malloc(size);
    record_one_of_all(
        (struct call){.operation = TRACE_MALLOC, .address = (uintptr_t)memory, .size = size});
    return memory;
}

static void free_of_all(void *memory)
{
    if (memory != NULL && !is_early(memory)) {
        record_one_of_all((struct call){.operation = TRACE_FREE, .address = (uintptr_t)memory});
        next.free(memory);
    }
}

static void *malloc_of_sample(size_t size)
{
    void *memory = next.malloc(size);
    if (__builtin_expect(is_sampled((uintptr_t)memory), 0)) {
        record_slow(
            (struct call){.operation = TRACE_MALLOC, .address = (uintptr_t)memory, .size = size});
    }
    return memory;
}

static void __attribute__((noinline)) free_sampled(void *memory)
{
    if (!is_early(memory)) {
        record_slow((struct call){.operation = TRACE_FREE, .address = (uintptr_t)memory});
        next.free(memory);
    }
}

static void free_of_sample(void *memory)
{
    if (__builtin_expect(is_sampled((uintptr_t)memory), 0)) {
        free_sampled(memory);
    } else if (__builtin_expect(early_used == 0, 1) || !is_early(memory)) {
        next.free(memory);
    }
}

static void *malloc_with_stack(size_t size)
{
    void *memory = next.malloc(size);
    record_with_stack(
        (struct call){.operation = TRACE_MALLOC, .address = (uintptr_t)memory, .size = size});
    return memory;
}

static void free_with_stacks(void *memory)
{
    if (memory != NULL && !is_early(memory)) {
        record_with_stack((struct call){.operation = TRACE_FREE, .address = (uintptr_t)memory});
        next.free(memory);
    }
}

/* In a sample it counts what a call costs of which nothing is recorded: malloc and free are done by
 * functions of their own there, which save no registers for the record. */
static struct {
    void *(*malloc)(size_t size);
    void (*free)(void *memory);
} chosen = {malloc_of_all, free_of_all};

static void choose_functions(void)
{
    if (session_stack_depth != 0) {
        chosen.malloc = malloc_with_stack;
        chosen.free = free_with_stacks;
    } else if (is_special()) {
        chosen.malloc = malloc_of_sample;
        chosen.free = free_of_sample;
    }
}

EXPORT void *malloc(size_t size)
{
    return chosen.malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        bytes = SIZE_MAX;
    }
    return record_block(TRACE_CALLOC, next.calloc(count, size), bytes);
}

EXPORT void free(void *memory)
{
    chosen.free(memory);
}

/* A block of the time before the next allocator was known: moves to it. */
static void *leave_early(void *memory, size_t size)
{
    void *moved = malloc(size);
    if (moved != NULL) {
        size_t behind = (size_t)(early + EARLY_BYTES - (unsigned char *)memory);
        memcpy(moved, memory, size < behind ? size : behind);
    }
    return moved;
}

EXPORT void *realloc(void *memory, size_t size)
{
    if (is_early(memory) && next.memalign != NULL) {
        return leave_early(memory, size);
    }
    bool is_timed = has_threads() && is_sampled((uintptr_t)memory);
    uint64_t begin = is_timed ? clock_ticks_before(session_has_counter) : 0;
    void *moved = next.realloc(memory, size);
    struct call call = {.operation = TRACE_REALLOC,
                        .address = (uintptr_t)moved,
                        .size = size,
                        .old_address = (uintptr_t)memory};
    if (is_special()) {
        if (is_end_sampled(call)) {
            record_special_realloc(call, begin);
        }
    } else {
        record_realloc(call, begin);
    }
    return moved;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    ensure_next();
    void *memory = next.memalign(alignment, size);
    record_aligned(TRACE_MEMALIGN, memory, alignment, size);
    return memory;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    ensure_next();
    void *memory = next.aligned_alloc(alignment, size);
    record_aligned(TRACE_ALIGNED_ALLOC, memory, alignment, size);
    return memory;
}

EXPORT int posix_memalign(void **memory, size_t alignment, size_t size)
{
    ensure_next();
    int problem = next.posix_memalign(memory, alignment, size);
    record_aligned(TRACE_POSIX_MEMALIGN, problem == 0 ? *memory : NULL, alignment, size);
    return problem;
}

EXPORT void *valloc(size_t size)
{
    ensure_next();
    return record_block(TRACE_VALLOC, next.valloc(size), size);
}

EXPORT void *pvalloc(size_t size)
{
    ensure_next();
    return record_block(TRACE_PVALLOC, next.pvalloc(size), size);
}

EXPORT void cfree(void *memory)
{
    free(memory);
}

/* C23's functions, which the next allocator need not have. */
EXPORT void free_sized(void *memory, size_t size)
{
    if (memory == NULL || is_early(memory)) {
        return;
    }
    ensure_next();
    record(
        (struct call){.operation = TRACE_FREE_SIZED, .address = (uintptr_t)memory, .size = size});
    if (next.free_sized != NULL) {
        next.free_sized(memory, size);
    } else {
        next.free(memory);
    }
}

EXPORT void free_aligned_sized(void *memory, size_t alignment, size_t size)
{
    if (memory == NULL || is_early(memory)) {
        return;
    }
    ensure_next();
    record_aligned(TRACE_FREE_ALIGNED_SIZED, memory, alignment, size);
    if (next.free_aligned_sized != NULL) {
        next.free_aligned_sized(memory, alignment, size);
    } else {
        next.free(memory);
    }
}

/* glibc's second names, by which some programs reach past whoever replaces malloc. */
EXPORT void *__libc_malloc(size_t size)
{
    return malloc(size);
}

EXPORT void *__libc_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

EXPORT void *__libc_realloc(void *memory, size_t size)
{
    return realloc(memory, size);
}

EXPORT void __libc_free(void *memory)
{
    free(memory);
}

EXPORT void *__libc_memalign(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

/* What is loaded afterwards may lie where the unloaded object was. */
EXPORT int dlclose(void *handle)
{
    static int (*next_dlclose)(void *handle);
    if (next_dlclose == NULL) {
        look_up(&next_dlclose, "dlclose");
    }
    session_note_unloading();
    int problem = next_dlclose(handle);
    session_note_unloading();
    return problem;
}

static void __attribute__((constructor(101))) begin_early(void)
{
    ensure_next();
}
