/* SPDX-License-Identifier: MIT
 * What each thread keeps for itself: a magazine of objects for each slab cache (Bonwick and Adams,
 * "Magazines and Vmem", 2001; the kernel's sheaves), and one of single pages (the kernel's per-CPU
 * lists). A hit takes no lock and nothing atomic.
 *
 * A signal handler may come at any instruction and ask for memory without waiting. So whoever is at
 * a magazine says so in `used`, and who finds it so, which only such a handler can, takes the
 * magazine for one that is empty and full. */
#ifndef BRKMALLOC_KERNEL_THREAD_H
#define BRKMALLOC_KERNEL_THREAD_H

#include "base/base.h"
#include "kernel/page_map.h"

struct slab;

struct magazine_entry {
    void *object;   /* or the start of a page */
    uint8_t *state; /* of the object, in its slab (slab.h), or the page's kind */
};

#define MAGAZINE_BUSY SIZE_MAX

struct magazine {
    /* MAGAZINE_BUSY while somebody is at the entries. Written by the thread; read by its own signal
     * handlers: plain accesses, kept in their order for the compiler. */
    volatile size_t used; /* bytes of `entries` */
    size_t room;          /* likewise */
    struct magazine_entry entries[];
};

/* Pages that a thread keeps at most, and that go to or come from the zone at a time. */
#define THREAD_PAGES 32u
#define THREAD_PAGE_BATCH 16u

/* Magazines: one for single pages, and one for each slab cache that has some. The last number is
 * for those that have none. */
#define THREAD_MAGAZINES 256u
#define MAGAZINE_PAGES 0u
#define MAGAZINE_NONE (THREAD_MAGAZINES - 1)

/* Slabs that a thread remembers, by the address of what it freed. */
#define THREAD_GUESSES 64u

struct kernel_thread {
    /* By number; brkm__magazine_none where there is none yet. */
    struct magazine *magazines[THREAD_MAGAZINES];
    /* The slab that an address may lie in (slab_guess); brkm__slab_none at first. */
    struct slab *guesses[THREAD_GUESSES];
    unsigned rounds;            /* of thread-specific destructors that have run */
    struct kernel_thread *next; /* of all, under the lock of thread.c */
    struct kernel_thread **link;
};

/* Never NULL: before the first use, and after its end, a thread has one whose magazines have room
 * for nothing. */
extern _Thread_local struct kernel_thread *brkm__kernel_thread BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

extern struct kernel_thread brkm__kernel_nobody BRKM_HIDDEN;
extern struct magazine brkm__magazine_none BRKM_HIDDEN;
extern struct slab brkm__slab_none BRKM_HIDDEN;

/* The calling thread's, made if need be; NULL when memory is short or the thread is at its end.
 * Waits. */
struct kernel_thread *brkm__kernel_thread_own(void);

static BRKM_ALWAYS_INLINE struct magazine_entry *magazine_entry_at(struct magazine *magazine,
                                                                   size_t bytes)
{
    return (struct magazine_entry *)(void *)((char *)magazine->entries + bytes);
}

static inline unsigned magazine_capacity(const struct magazine *magazine)
{
    return (unsigned)(magazine->room / sizeof(struct magazine_entry));
}

/* Makes the magazine the caller's; false when a handler came in between and left it otherwise than
 * it was `seen`. One instruction, which no handler interrupts; nothing else has to wait for it, so
 * there is no need to lock the bus. */
static BRKM_ALWAYS_INLINE bool magazine_claim(struct magazine *magazine, size_t seen)
{
#ifdef __x86_64__
    bool claimed;
    __asm__ volatile("cmpxchgq %3, %1"
                     : "+a"(seen), "+m"(magazine->used), "=@ccz"(claimed)
                     : "r"(MAGAZINE_BUSY)
                     : "memory");
    return claimed;
#else
    return __atomic_compare_exchange_n(&magazine->used, &seen, MAGAZINE_BUSY, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
#endif
}

/* The state of what comes out of a magazine, or goes into one, is written by who does it: `state`.
 */
static BRKM_ALWAYS_INLINE bool magazine_pop(struct magazine *magazine, uint8_t state,
                                            struct magazine_entry *entry)
{
    size_t used = magazine->used;
    size_t last = used - sizeof(*entry);
    if (unlikely(last >= magazine->room || !magazine_claim(magazine, used))) {
        return false;
    }
    *entry = *magazine_entry_at(magazine, last);
    relaxed_store(*entry->state, state);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    magazine->used = last;
    return true;
}

static BRKM_ALWAYS_INLINE bool magazine_push(struct magazine *magazine, uint8_t state,
                                             struct magazine_entry entry)
{
    size_t used = magazine->used;
    if (unlikely(used >= magazine->room || !magazine_claim(magazine, used))) {
        return false;
    }
    relaxed_store(*entry.state, state);
    *magazine_entry_at(magazine, used) = entry;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    magazine->used = used + sizeof(entry);
    return true;
}

/* For more than one entry: how many there are, and from now on they are the caller's alone, until
 * it closes the magazine with another count. MAGAZINE_BUSY when the caller interrupted somebody
 * there, or there is no magazine: it is not to be closed then. */
static inline size_t magazine_open(struct magazine *magazine)
{
    size_t used = magazine->used;
    if (unlikely(magazine->room == 0 || used == MAGAZINE_BUSY || !magazine_claim(magazine, used))) {
        return MAGAZINE_BUSY;
    }
    return used / sizeof(struct magazine_entry);
}

static inline void magazine_close(struct magazine *magazine, size_t count)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    magazine->used = count * sizeof(struct magazine_entry);
}

/* Turns entries `from` to `to` of an open magazine round: what came first goes first, so that
 * objects go out by their addresses. */
static inline void magazine_reverse(struct magazine *magazine, size_t from, size_t to)
{
    while (from + 1 < to) {
        struct magazine_entry entry = magazine->entries[from];
        magazine->entries[from++] = magazine->entries[--to];
        magazine->entries[to] = entry;
    }
}

/* The thread's magazine for the cache of that number, made for `capacity` objects if need be;
 * brkm__magazine_none when memory is short. Waits. */
struct magazine *brkm__magazine_make(struct kernel_thread *thread, unsigned number,
                                     unsigned capacity);

/* Takes the magazine away from every thread: a cache ends. The objects are given up. No thread may
 * be using the cache. */
void brkm__magazines_drop(unsigned number);

/* Adds, by number, how many entries all threads' magazines have. Waits. */
void brkm__magazines_count(size_t kept[THREAD_MAGAZINES]);

/* Called when a thread ends, before its record goes: empties the magazines. Written once. */
extern void (*brkm__kernel_thread_ends)(struct kernel_thread *thread) BRKM_HIDDEN;

/* For fork. */
void brkm__kernel_threads_lock(void);
void brkm__kernel_threads_open(void);
void brkm__kernel_threads_forget_others(void);

#endif
