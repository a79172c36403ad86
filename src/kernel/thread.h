/* SPDX-License-Identifier: MIT
 * What each thread keeps for itself: a magazine of objects for each slab cache (Bonwick and Adams,
 * "Magazines and Vmem", 2001; the kernel's sheaves), and one of single pages (the kernel's per-CPU
 * lists). A hit takes no lock and nothing atomic.
 *
 * A signal handler may come at any instruction and ask for memory without waiting. So whoever is at
 * a magazine says so in `busy`, and who finds it set, which only such a handler can, leaves the
 * magazines alone. */
#ifndef BRKMALLOC_KERNEL_THREAD_H
#define BRKMALLOC_KERNEL_THREAD_H

#include "base/base.h"
#include "kernel/page_map.h"

struct magazine_entry {
    void *object;
    uint8_t *state; /* of the object, in its slab (slab.h) */
};

struct magazine {
    uint32_t count;
    uint32_t capacity;
    struct magazine_entry entries[];
};

/* Pages that a thread keeps at most, and that go to or come from the zone at a time. */
#define THREAD_PAGES 32u
#define THREAD_PAGE_BATCH 16u

/* Slab caches that have magazines. The last number is for those that have none. */
#define THREAD_MAGAZINES 512u
#define MAGAZINE_NONE (THREAD_MAGAZINES - 1)

struct kernel_thread {
    /* Written by the thread; read by its own signal handlers: plain accesses, kept in their order
     * for the compiler. */
    volatile uint8_t busy;
    unsigned rounds; /* of thread-specific destructors that have run */
    uint32_t page_count;
    struct brkm_page *pages[THREAD_PAGES];
    /* By the cache's number; empty_magazine where there is none yet. */
    struct magazine *magazines[THREAD_MAGAZINES];
    struct kernel_thread *next; /* of all, under the lock of thread.c */
    struct kernel_thread **link;
};

/* Never NULL: before the first use, and after its end, a thread has a constant one that is busy. */
extern _Thread_local struct kernel_thread *brkm__kernel_thread BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

extern struct magazine brkm__magazine_none BRKM_HIDDEN;

/* The calling thread's, made if need be; NULL when memory is short or the thread is at its end.
 * Waits. */
struct kernel_thread *brkm__kernel_thread_own(void);

/* Begins to be at the magazines; false when the caller interrupted somebody there, or the thread
 * has none. */
static BRKM_ALWAYS_INLINE bool magazines_enter(struct kernel_thread *thread)
{
    if (unlikely(thread->busy != 0)) {
        return false;
    }
    thread->busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return true;
}

static BRKM_ALWAYS_INLINE void magazines_leave(struct kernel_thread *thread)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread->busy = 0;
}

/* ---- One magazine; the caller has entered ---- */

static BRKM_ALWAYS_INLINE bool magazine_pop(struct magazine *magazine, struct magazine_entry *entry)
{
    uint32_t count = magazine->count;
    if (unlikely(count == 0)) {
        return false;
    }
    *entry = magazine->entries[count - 1];
    magazine->count = count - 1;
    return true;
}

static BRKM_ALWAYS_INLINE bool magazine_push(struct magazine *magazine, struct magazine_entry entry)
{
    uint32_t count = magazine->count;
    if (unlikely(count == magazine->capacity)) {
        return false;
    }
    magazine->entries[count] = entry;
    magazine->count = count + 1;
    return true;
}

/* The thread's magazine for the cache of that number, made for `capacity` objects if need be;
 * brkm__magazine_none when memory is short. Waits. */
struct magazine *brkm__magazine_make(struct kernel_thread *thread, unsigned number,
                                     unsigned capacity);

/* Takes the magazine away from every thread: a cache ends. The objects are given up. No thread may
 * be using the cache. */
void brkm__magazines_drop(unsigned number);

/* Called when a thread ends, before its record goes: empties the magazines. Written once. */
extern void (*brkm__kernel_thread_ends)(struct kernel_thread *thread) BRKM_HIDDEN;

/* For fork. */
void brkm__kernel_threads_lock(void);
void brkm__kernel_threads_open(void);
void brkm__kernel_threads_forget_others(void);

#endif
