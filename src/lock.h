/* SPDX-License-Identifier: MIT
 * Layer 3: the allocator's locks.
 *
 * A lock is a word: 0 open, 1 taken, 2 taken and somebody may sleep (Drepper, "Futexes Are Tricky",
 * mutex 3). While libc knows of one thread only, nothing atomic happens; that also lets a signal
 * handler fork while the thread it interrupted holds the lock. */
#ifndef BRKMALLOC_LOCK_H
#define BRKMALLOC_LOCK_H

#include "base.h"
#include "os.h"

/* All zero is an open lock. No thread takes a second lock while it holds one, but for fork, which
 * takes all. */
struct lock {
    /* Acquire on taking pairs with release on opening. Not _Atomic: the kernel reads it too. */
    uint32_t word;
    /* Times that a thread found the lock taken. Written by its holder. */
    uint64_t contended;
};

/* True in the thread that forks, while it holds every lock: atfork handlers of the program that run
 * in between may allocate, and pass. */
extern _Thread_local bool brkm__lock_holds_all BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

void brkm__lock_acquire_contended(struct lock *lock);
void brkm__lock_wake(struct lock *lock);

static inline bool lock_is_taken(struct lock *lock)
{
    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}

/* For the holder: true when somebody sleeps until the lock opens. */
static inline bool lock_is_awaited(const struct lock *lock)
{
    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 2;
}

/* True when the lock was open and is now the caller's. */
static inline bool lock_try(struct lock *lock)
{
    uint32_t open = 0;
    return __atomic_compare_exchange_n(&lock->word, &open, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* The same for one who must not wait for long, since the holder may be the caller itself. */
bool brkm__lock_try_for_a_while(struct lock *lock);

static inline void lock_acquire(struct lock *lock)
{
    if (os_is_single_threaded()) {
        __atomic_store_n(&lock->word, 1, __ATOMIC_RELAXED);
        return;
    }
    if (unlikely(brkm__lock_holds_all)) {
        return;
    }
    if (unlikely(!lock_try(lock))) {
        brkm__lock_acquire_contended(lock);
    }
}

static inline void lock_release(struct lock *lock)
{
    if (os_is_single_threaded()) {
        __atomic_store_n(&lock->word, 0, __ATOMIC_RELAXED);
        return;
    }
    if (unlikely(brkm__lock_holds_all)) {
        return;
    }
    if (unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)) {
        brkm__lock_wake(lock);
    }
}

/* In the child of a fork: whoever held the lock does not exist here. */
static inline void lock_reset(struct lock *lock)
{
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELAXED);
}

#endif
